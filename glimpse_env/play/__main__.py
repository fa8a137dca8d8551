"""``python -m glimpse_env.play``."""

from glimpse_env.play import main

main()
