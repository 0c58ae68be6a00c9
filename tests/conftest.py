"""Every annotation of the package is checked at every call, and there are two devices, as CPU cores."""

import jax
from jaxtyping import install_import_hook

jax.config.update("jax_num_cpu_devices", 2)
hook = install_import_hook("jaxsim", "typecheck.checker")
