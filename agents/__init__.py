"""Agents for Glimpse environments: a recurrent REINFORCE agent after Mnih et al. (2014), run with ``python -m agents.ram``.

``agents.load("Glimpse-ClutteredMNIST-v0")`` gives a trained one, ready to act. Agents see an environment only through its
spaces, its infos and its task.
"""

try:
    import torch
except ImportError as error:
    raise ImportError("agents needs torch: pip install 'glimpse-env[agents]'") from error

from agents.weights import load_policy as load

__all__ = ["load"]

del torch
