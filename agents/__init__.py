"""Agents for Glimpse environments: a recurrent REINFORCE agent after Mnih et al. (2014), run with ``python -m agents.ram``.

They see an environment only through ``gym.make_vec``, its spaces and its infos.
"""

try:
    import torch
except ImportError as error:
    raise ImportError("agents needs torch: pip install 'glimpse-env[agents]'") from error

del torch
