"""Agents for Glimpse environments: a recurrent REINFORCE agent after Mnih et al. (2014), run with ``python -m agents.ram``.

``agents.load("Glimpse-ClutteredMNIST-v0")`` returns a trained agent. Agents see an environment only through its
spaces, its infos and its task.
"""

try:
    import torch
except ImportError as error:
    raise ImportError("agents needs torch: pip install 'glimpse-env[agents]'") from error

from agents.weights import load_policy as load

__all__ = ["load"]

del torch
