"""What is out there: worlds compose scenes, keep their state and give the reward. They know nothing of eyes or Gymnasium."""

from glimpse_env.worlds.base import Task, World

__all__ = ["Task", "World"]
