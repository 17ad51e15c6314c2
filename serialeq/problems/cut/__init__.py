"""Multiway cuts of images, volumes and graphs."""
