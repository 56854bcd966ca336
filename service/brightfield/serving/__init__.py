"""The process that listens, and the one that works: what dies is started again, what ends, ends."""
