"""kiessig, alone and inside JAX and PyTorch, beside other programs' kernels: ``python -m benchmarks``."""
