"""Pooling: the token probability phi that makes a system of N equal servers cheapest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.kernel import System
from jaxsim.core.random import Key
from jaxsim.core.types import Array
from jaxsim.core.validation import integer, numbers, require
from jaxsim.engine import rollout
from jaxsim.experiments.tunings.tunable import Known, Tunable
from jaxsim.learning import CommonNumbers, Interval, SPSA
from jaxsim.models.pooling import policies, system
from jaxsim.models.pooling.theory import tuning
