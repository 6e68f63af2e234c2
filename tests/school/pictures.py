"""Paints landscapes that nobody has photographed: made of sines, noise and shapes, with enough texture for a perceptual hash.

Needs Pillow. The same seed paints the same picture.
"""

import io
import math
import random

from PIL import Image, ImageDraw, ImageFilter


def landscape(seed, width=640, height=480):
    """Sky, sun, four ranges of hills, a wood and a few houses."""
    draw_from = random.Random(seed)
    picture = Image.new("RGB", (width, height))
    brush = ImageDraw.Draw(picture)
    sky, ground = tint(draw_from, 150, 235), tint(draw_from, 40, 120)
    for y in range(height):
        share = y / height
        brush.line([(0, y), (width, y)], fill=tuple(int(c * (1 - 0.5 * share)) for c in sky))
    sun = draw_from.uniform(0.1, 0.9) * width, draw_from.uniform(0.08, 0.25) * height, draw_from.uniform(0.04, 0.09) * width
    brush.ellipse([sun[0] - sun[2], sun[1] - sun[2], sun[0] + sun[2], sun[1] + sun[2]], fill=(255, 244, 214))

    for layer in range(4):
        skyline = hills(draw_from, width, height * (0.35 + 0.15 * layer), height * 0.12)
        shade = tuple(int(c * (1.25 - 0.25 * layer)) for c in ground)
        brush.polygon([(0, height), *enumerate(skyline), (width, height)], fill=shade)
    for _ in range(140):
        tree(brush, draw_from, width, height)
    for _ in range(5):
        house(brush, draw_from, width, height)

    grain = Image.frombytes("L", (width, height), draw_from.randbytes(width * height)).filter(ImageFilter.GaussianBlur(0.8))
    return Image.blend(picture, Image.merge("RGB", [grain] * 3), 0.08)


def tint(draw_from, low, high):
    return tuple(draw_from.randint(low, high) for _ in range(3))


def hills(draw_from, width, middle, reach):
    """The height of a skyline at every column: a sum of sines of growing frequency and shrinking reach."""
    waves = [(2 ** n * draw_from.uniform(0.7, 1.3), draw_from.uniform(0, math.tau), reach / 1.8**n) for n in range(6)]
    return [middle + sum(r * math.sin(math.tau * f * x / width + phase) for f, phase, r in waves) for x in range(width)]


def tree(brush, draw_from, width, height):
    x, y = draw_from.uniform(0, width), draw_from.uniform(0.6, 1.0) * height
    size = (y / height) ** 3 * height * draw_from.uniform(0.08, 0.2)
    crown = draw_from.randint(10, 60), draw_from.randint(60, 130), draw_from.randint(10, 70)
    brush.rectangle([x - size / 16, y - size / 3, x + size / 16, y], fill=(60, 42, 30))
    brush.polygon([(x - size / 3, y - size / 4), (x, y - size), (x + size / 3, y - size / 4)], fill=crown)


def house(brush, draw_from, width, height):
    x, y = draw_from.uniform(0.05, 0.85) * width, draw_from.uniform(0.65, 0.9) * height
    w, h = width * draw_from.uniform(0.06, 0.12), height * draw_from.uniform(0.06, 0.1)
    brush.rectangle([x, y - h, x + w, y], fill=tint(draw_from, 150, 230))
    brush.polygon([(x - w / 10, y - h), (x + w / 2, y - 1.8 * h), (x + 1.1 * w, y - h)], fill=tint(draw_from, 70, 140))
    for column in (0.2, 0.6):
        brush.rectangle([x + column * w, y - 0.7 * h, x + (column + 0.2) * w, y - 0.35 * h], fill=(40, 48, 64))


def jpeg(picture, quality):
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def png(picture):
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()
