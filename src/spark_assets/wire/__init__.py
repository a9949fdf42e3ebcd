"""Shapes on the network."""
