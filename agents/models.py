"""Build the model of a config, for the spaces of an environment."""

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from torch import nn

from agents import cores, heads, networks
from agents.config import Config
from agents.environments import Envs, task, whole_arguments
from agents.policy import READ

GLIMPSE_NETWORKS = {"fc": networks.GlimpseNetwork, "conv": networks.ConvGlimpseNetwork}
CORES = {"relu": cores.ReLUCore, "gru": cores.GRUCore, "lstm": cores.LSTMCore}
PATHS = ("fixed", "raster")
_MOST_PARAMETERS = 50_000_000


def num_outputs(space: gym.Space[Any]) -> int:
    """The number of outputs of the action network: a logit for each choice of a Discrete, a mean for each number of a Box.

    Raises:
        ValueError: the space is of another kind.
    """
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    if isinstance(space, spaces.Box):
        return int(np.prod(space.shape))
    raise ValueError(f"The agent plays a Discrete or a Box, not {space}: wrap the environment so that its action is one.")


def make_model(config: Config, envs: Envs) -> networks.RecurrentAttentionModel:
    """Build a new model; its weights depend on the config's seed.

    Args:
        config: the choice of parts.
        envs: the environments, whose observations (with canvas, cue and zoom, if any) the model reads, and whose actions it
            takes.

    Raises:
        ValueError: there is no network for these spaces, or it would have too many parameters.
    """
    with torch.device("meta"):  # takes no memory
        count = sum(p.numel() for p in _put_together(config, envs).parameters())
    if count > _MOST_PARAMETERS:
        raise ValueError(
            f"{config.env_id} with {config.env_arguments} makes a network of {count:,} parameters, more than "
            f"{_MOST_PARAMETERS:,}: take a smaller image_size, patch_size, canvas or size."
        )
    torch.manual_seed(config.seed)
    return _put_together(config, envs)


def standardize(model: nn.Module, glimpses: torch.Tensor, zoom_levels: torch.Tensor | None = None) -> None:
    """Scale the input of a new model to typical glimpses (N, K*C, G, G); with zooms, of each level (N, Z), one-hot."""
    for module in model.modules():
        if zoom_levels is not None and isinstance(module, networks.ZoomedGlimpseNetwork):
            module.fit(glimpses, zoom_levels)
        elif zoom_levels is None and isinstance(module, networks.Standardize):
            module.fit(glimpses)


def _put_together(config: Config, envs: Envs) -> networks.RecurrentAttentionModel:
    seen: Any = envs.single_observation_space
    action_space: Any = envs.single_action_space["action"]  # type: ignore[index]
    num_glimpses = task(envs).num_glimpses
    shapes = {name: seen[name].shape for name in READ if name in seen.spaces}
    glimpse_network: Any = GLIMPSE_NETWORKS[config.glimpse_network](shapes["glimpse"], config.hidden_size, config.size)
    if config.local_contrast:
        glimpse_network.standardize = networks.LocalContrast()
        networks.keep_signals(glimpse_network)  # faint ones, of which PyTorch's weights learn late or nothing
    if "canvas" in shapes:
        glimpse_network = networks.CanvasGlimpseNetwork(glimpse_network, shapes["canvas"], config.size)
    if "zoom_level" in shapes:
        zoomed = shapes["glimpse"][0], shapes["zoom_level"][0]
        glimpse_network = networks.ZoomedGlimpseNetwork(glimpse_network, *zoomed)
    if "cue" in shapes:
        glimpse_network = networks.CuedGlimpseNetwork(glimpse_network, shapes["cue"], config.size)
    core: Any = CORES[config.core](glimpse_network.size, config.size)
    if config.looking in PATHS or config.plan:
        if num_glimpses is None:
            raise ValueError(
                f"looking='fixed', looking='raster' and plan need a number of glimpses, and {config.env_id} has none."
            )
        core = cores.CountingCore(core, num_glimpses)
    kind = heads.DetachedLocationNetwork if config.stop_location_gradient else heads.LocationNetwork
    location: nn.Module = kind(core.size, num_glimpses or 0 if config.plan else 0)
    if config.looking in PATHS:
        location = heads.ScanPath(num_glimpses or 0, learned=config.looking == "fixed")
    action = heads.GaussianActionNetwork if isinstance(action_space, spaces.Box) else heads.ActionNetwork
    read: Any = (heads.SkipHeads if config.skip else heads.Heads)(
        action(core.size + config.skip * glimpse_network.size, num_outputs(action_space)),
        location,
        heads.BaselineNetwork(core.size),
    )
    if "zoom_level" in shapes:
        if config.looking in PATHS:
            raise ValueError(f"looking={config.looking!r} chooses no zoom: leave out zooms.")
        chosen = heads.DetachedZoomNetwork if config.stop_location_gradient else heads.ZoomNetwork
        read = heads.ZoomHeads(read, chosen(core.size, *shapes["zoom_level"]))
    if config.looking == "raster" and (mode := whole_arguments(config).get("location_mode", "absolute")) != "absolute":
        raise ValueError(f"looking='raster' names places of the scene, but with location_mode={mode!r} a location is a move.")
    return networks.RecurrentAttentionModel(glimpse_network, core, read)
