"""What a network does with a few images, found out before a caller sends one."""
