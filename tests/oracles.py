"""Slow and plain: what the kernels must compute, written from their docstrings, one pixel at a time."""

import math
from fractions import Fraction

import numpy as np


def corner(coordinate, extent, size):
    """The pixel corner nearest to point - size / 2, halves go right and down; in exact arithmetic."""
    point = (Fraction(float(coordinate)) + 1) / 2 * extent
    return math.floor(point - Fraction(size, 2) + Fraction(1, 2))


def look(scene, location, patch_size, num_scales, scale_factor):
    """One glimpse (K*C, G, G) of one scene (H, W, C)."""
    H, W, C = scene.shape
    glimpse = np.zeros((num_scales, C, patch_size, patch_size), np.float32)
    for k in range(num_scales):
        cell = scale_factor**k
        left, top = (corner(location[0], W, patch_size * cell), corner(location[1], H, patch_size * cell))
        for i in range(patch_size):
            for j in range(patch_size):
                total = [0] * C
                for y in range(top + i * cell, top + (i + 1) * cell):
                    for x in range(left + j * cell, left + (j + 1) * cell):
                        if 0 <= y < H and 0 <= x < W:
                            for c in range(C):
                                total[c] += int(scene[y, x, c])
                for c in range(C):
                    glimpse[k, c, i, j] = total[c] / (255 * cell * cell)
    return glimpse.reshape(num_scales * C, patch_size, patch_size)


def compose(images, index, draws, height, width, translate, num_clutter, clutter_size):
    """One scene (H, W, C): the image, then pieces of others, added up and clipped at the end."""
    N, h, w, C = images.shape
    scene = np.zeros((height, width, C), np.int64)
    at = iter(draws)

    def choose(n):
        return int(next(at) * n)

    left, top = choose(width - w + 1), choose(height - h + 1)
    if not translate:
        left, top = (width - w) // 2, (height - h) // 2
    scene[top : top + h, left : left + w] += images[index]
    others = [n for n in range(N) if n != index]
    for _ in range(num_clutter):
        other = images[others[choose(N - 1)]]
        x, y = choose(w - clutter_size + 1), choose(h - clutter_size + 1)
        left, top = choose(width - clutter_size + 1), choose(height - clutter_size + 1)
        piece = other[y : y + clutter_size, x : x + clutter_size]
        scene[top : top + clutter_size, left : left + clutter_size] += piece
    return np.minimum(scene, 255).astype(np.uint8)
