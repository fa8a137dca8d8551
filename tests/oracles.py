"""Slow and plain: what the kernels must compute, written from their docstrings, one pixel at a time."""

import math
from fractions import Fraction

import numpy as np


def corner(coordinate, extent, size):
    """The pixel corner nearest to point - size / 2, halves go right and down; in exact arithmetic."""
    point = (Fraction(float(coordinate)) + 1) / 2 * extent
    return math.floor(point - Fraction(size, 2) + Fraction(1, 2))


def look(scene, location, patch_size, num_scales, scale_factor, zoom=1):
    """One glimpse (K*C, G, G) of one scene (H, W, C)."""
    H, W, C = scene.shape
    glimpse = np.zeros((num_scales, C, patch_size, patch_size), np.float32)
    for k in range(num_scales):
        cell = zoom * scale_factor**k
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


def vary(image, rotation, scale, shear, shift, contrast, draws):
    """One image (h, w, C) turned, stretched, sheared, shifted and dimmed, before rounding: float64."""
    h, w, C = image.shape
    signed = [2 * draw - 1 for draw in draws]
    angle = np.radians(rotation) * signed[0]
    stretch = np.diag([scale ** signed[1], scale ** signed[2]])
    slide = np.array([[1, shear * signed[3]], [0, 1]])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    back = np.linalg.inv(turn @ slide @ stretch)
    middle, moved = np.array([(w - 1) / 2, (h - 1) / 2]), shift * np.array(signed[4:6])
    varied = np.zeros((h, w, C))
    for i in range(h):
        for j in range(w):
            x, y = back @ (np.array([j, i]) - middle - moved) + middle
            for row in range(h):
                for column in range(w):
                    share = max(0, 1 - abs(x - column)) * max(0, 1 - abs(y - row))
                    varied[i, j] += share * image[row, column]
    return varied * (1 - contrast * draws[6])


class Canvas:
    """What one environment has seen: pixel of the scene -> (sharpness, values); all but the window is forgotten."""

    def __init__(self, scene_shape, patch_size, num_scales, scale_factor, size):
        self.H, self.W, self.C = scene_shape
        self.G, self.K, self.f, self.size = patch_size, num_scales, scale_factor, size
        self.seen = {}

    def paint(self, glimpse, fixation, zoom=1):
        """Take a glimpse (K*C, G, G) in; the canvas (C + 1, S, S)."""
        for k in reversed(range(self.K)):
            cell = zoom * self.f**k
            left, top = (corner(fixation[n], extent, self.G * cell) for n, extent in enumerate((self.W, self.H)))
            for y in range(self.G * cell):
                for x in range(self.G * cell):
                    sharpness, values = 1 / cell, [glimpse[k * self.C + c, y // cell, x // cell] for c in range(self.C)]
                    if self.seen.get((left + x, top + y), (0, None))[0] <= sharpness:
                        self.seen[left + x, top + y] = (sharpness, values)
        if self.size == "scene":
            left, top, width, height = 0, 0, self.W, self.H
        else:
            left, top = (corner(fixation[n], extent, self.size) for n, extent in enumerate((self.W, self.H)))
            width = height = self.size
        canvas = np.zeros((self.C + 1, height, width), np.float32)
        window = {(x, y) for x in range(left, left + width) for y in range(top, top + height)}
        self.seen = {place: what for place, what in self.seen.items() if place in window}
        for (x, y), (sharpness, values) in self.seen.items():
            canvas[:, y - top, x - left] = [*values, sharpness]
        return canvas


class Catch:
    """One game of catch, ball by ball and row by row, in exact arithmetic."""

    def __init__(self, draws, height, width, num_balls, paddle_width, speed):
        self.height, self.width, self.paddle_width, self.speed = height, width, paddle_width, speed
        at = iter(draws)
        self.waiting = [(int(next(at) * width), 2 * Fraction(float(next(at))) - 1) for _ in range(num_balls)]
        self.paddle = (width - paddle_width) // 2
        self.caught = 0
        self.drop()

    def drop(self):
        """The next ball, in the top row."""
        start, self.slope = self.waiting.pop(0)
        self.x, self.row = Fraction(start), 0

    def fall(self):
        """One row down, and back from a wall."""
        self.row += 1
        self.x += self.slope
        if self.x < 0:
            self.x, self.slope = -self.x, -self.slope
        if self.x > self.width - 1:
            self.x, self.slope = 2 * (self.width - 1) - self.x, -self.slope

    @property
    def column(self):
        return math.floor(self.x + Fraction(1, 2))

    def screen(self):
        """(H, W) uint8."""
        screen = np.zeros((self.height, self.width), np.uint8)
        for column in range(self.paddle, self.paddle + self.paddle_width):
            screen[self.height - 1, column] = 255
        screen[self.row, self.column] = 255
        return screen

    def step(self, action):
        """Reward, and whether the game is over."""
        if action == 0 and self.paddle > 0:
            self.paddle -= 1
        if action == 2 and self.paddle + self.paddle_width < self.width:
            self.paddle += 1
        if self.row == self.height - 1:
            self.drop()
        else:
            for _ in range(self.speed):
                if self.row < self.height - 1:
                    self.fall()
        if self.row < self.height - 1:
            return 0, False
        hit = self.column in range(self.paddle, self.paddle + self.paddle_width)
        self.caught += hit
        return int(hit), not self.waiting


def cells(num_rings, num_wedges, radius, fovea):
    """The pixels of each cell, as offsets (x, y) from the fixation, and the one it takes if it has none; the areas of cells."""
    edges = [0, *(fovea * (radius / fovea) ** (n / (num_rings - 1)) for n in range(num_rings))]
    found, areas = [], []
    for ring in range(num_rings):
        inner, outer = edges[ring], edges[ring + 1]
        areas.append(math.pi * (outer**2 - inner**2) / num_wedges)
        for wedge in range(num_wedges):
            pixels = []
            for y in range(-radius, radius):
                for x in range(-radius, radius):
                    away, turn = math.hypot(x + 0.5, y + 0.5), math.degrees(math.atan2(y + 0.5, x + 0.5)) % 360 / 360
                    begun = turn * num_wedges - wedge
                    if inner <= away + 1e-9 < outer and (-1e-9 <= begun < 1 - 1e-9 or begun - num_wedges >= -1e-9):
                        pixels.append((x, y))
            middle, angle = (inner + outer) / 2, 2 * math.pi * (wedge + 0.5) / num_wedges
            alone = (math.floor(middle * math.cos(angle) + 1e-9), math.floor(middle * math.sin(angle) + 1e-9))
            found.append((pixels, alone))
    return found, areas


def look_in_rings(scene, location, num_rings, num_wedges, radius, fovea):
    """One log-polar glimpse (C, R, V) of one scene (H, W, C)."""
    H, W, C = scene.shape
    left, top = corner(location[0], W, 0), corner(location[1], H, 0)
    glimpse = np.zeros((C, num_rings * num_wedges), np.float32)
    for n, (owned, alone) in enumerate(cells(num_rings, num_wedges, radius, fovea)[0]):
        pixels = owned or [alone]
        inside = [(left + x, top + y) for x, y in pixels if 0 <= left + x < W and 0 <= top + y < H]
        for c in range(C):
            glimpse[c, n] = sum(int(scene[y, x, c]) for x, y in inside) / (255 * len(pixels))
    return glimpse.reshape(C, num_rings, num_wedges)
