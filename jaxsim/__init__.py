"""jaxsim: batched, differentiable simulation of decentralized resource-allocation systems."""
