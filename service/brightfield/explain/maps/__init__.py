"""The results of the methods: maps over the image, and the facts about them."""
