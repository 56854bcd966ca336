"""Small models of a lab's own, and engines over them, for tests of every folder."""
