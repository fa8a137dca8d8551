"""Agents for Glimpse environments: a recurrent REINFORCE agent after Mnih et al. (2014), run with ``python -m agents.ram``.

``agents.load("Glimpse-ClutteredMNIST-v0")`` returns a trained agent. Agents see an environment only through its
spaces, its infos and its task.
"""

from glimpse_env.extras import needed

needed("torch", "agents", "agents")

from agents.weights import load_policy as load  # noqa: E402

__all__ = ["load"]
