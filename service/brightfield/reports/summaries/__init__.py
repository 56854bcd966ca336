"""A report or comparison in short, for continuous integration: JUnit XML and Markdown."""
