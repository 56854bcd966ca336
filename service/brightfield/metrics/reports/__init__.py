"""The parts of a report: two classes, several, comparisons, notes, worst cases."""
