"""What the kernels must be faster than, by how much, and that they are: ``python -m benchmarks.kernels``."""
