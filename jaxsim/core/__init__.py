"""The kernel contract, key streams, samplers, status bits, validation of input."""
