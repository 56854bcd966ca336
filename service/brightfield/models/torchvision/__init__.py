"""torchvision's networks as architectures."""
