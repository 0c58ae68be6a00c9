"""The programs that jaxsim is held against. Python ones import their package when they are called."""
