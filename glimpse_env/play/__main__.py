"""``python -m glimpse_env.play``."""

from glimpse_env.play import main

if __name__ == "__main__":
    main()
