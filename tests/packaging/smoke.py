"""What an installed jaxsim must do, far from its repository: ``python smoke.py FOLDER``."""

import json
import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path

import jaxsim

folder = Path(sys.argv[1])
assert "site-packages" in jaxsim.__file__, jaxsim.__file__
package = resources.files("jaxsim")
for name in ("py.typed", "plots/page.css", "experiments/pricing_games/learned.msgpack"):
    assert package.joinpath(name).is_file(), name
assert metadata.version("jaxsim-allocation")


def command(*words):
    """Run the installed command; return what it prints."""
    script = Path(sys.executable).with_name("jaxsim")
    done = subprocess.run([script, *map(str, words)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


for line in ("--help", "list", "list pooling", "version"):
    assert command(*line.split())
assert json.loads(command("doctor", "--json"))["well"]
exact = json.loads(command("solve", "balancing.own", "delay=5", "--json"))["values"]["drops_per_node"]
assert abs(exact - 3.514402916) < 1e-8
command("simulate", "pooling", "servers=4", "--horizon", 50, "--replications", 20, "--out", "r")
assert all((folder / name).stat().st_size > 3000 for name in command("plot", "r").split())
command("simulate", "pricing", "--policy", "learned", "--horizon", 1, "--replications", 4, "--json")
command("reproduce", "actors.teams", "--out", "e")

system = jaxsim.system("balancing", topology="cycle", nodes=10, delay=5)
result = jaxsim.simulate(system.kernel, jaxsim.policy("own", system), system.params, replications=400)
estimate = result["drops_per_node"]
assert abs(estimate.mean - exact) < 2.1 * estimate.half_width, estimate
print("smoke: well")
