"""Prefrontal cortex as a meta-reinforcement learning system (Wang et al. 2018), in PyTorch."""

__version__ = "0.1.0"
