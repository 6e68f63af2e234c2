"""Changes pictures as people do before they send them on: 31 copies of each, beside the original, as `NN~name.jpg`."""
import sys
import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

LONGEST = 1_600

def cut(picture, left, top, right, bottom):
    width, height = picture.size
    return picture.crop((int(width * left), int(height * top), width - int(width * right), height - int(height * bottom)))

def framed(picture, share, colour):
    return ImageOps.expand(picture, int(min(picture.size) * share), colour)

def words(picture):
    copy = picture.copy()
    size = int(min(copy.size) * 0.09)
    place = (copy.width // 2, int(copy.height * 0.9))
    ImageDraw.Draw(copy).text(place, "A LINE OF TEXT", anchor="mm", font_size=size, fill="white", stroke_width=4, stroke_fill="black")
    return copy

def captioned(picture):
    bar = int(picture.height * 0.15)
    copy = Image.new("RGB", (picture.width, picture.height + bar), "white")
    copy.paste(picture, (0, bar))
    ImageDraw.Draw(copy).text((picture.width // 2, bar // 2), "what everybody says on a Monday", anchor="mm", font_size=int(picture.width * 0.05), fill="black")
    return copy

def on_a_telephone(picture):
    screen = Image.new("RGB", (1080, 2340), "black")
    shown = ImageOps.contain(picture, (1080, 1870))
    screen.paste(shown, ((1080 - shown.width) // 2, (2340 - shown.height) // 2))
    draw = ImageDraw.Draw(screen)
    draw.text((60, 30), "09:41", font_size=40, fill="white")
    draw.rectangle((950, 40, 1020, 70), outline="white")
    draw.ellipse((500, 2200, 580, 2280), outline="white", width=5)
    return screen

def stickered(picture):
    copy = picture.copy()
    radius, x, y = int(min(copy.size) * 0.12), int(copy.width * 0.7), int(copy.height * 0.3)
    ImageDraw.Draw(copy).ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 210, 0))
    return copy

def grainy(picture):
    samples = np.asarray(picture).astype(np.float32)
    samples += np.random.default_rng(1).normal(0, 12, samples.shape)
    return Image.fromarray(np.clip(samples, 0, 255).astype(np.uint8))

def scaled(picture, across, down):
    return picture.resize((int(picture.width * across), int(picture.height * down)))

# Each with its quality as a JPEG; of WebP, with a minus.
COPIES = {
    "jpeg-90": (lambda p: p, 90), "jpeg-30": (lambda p: p, 30), "jpeg-10": (lambda p: p, 10), "webp-60": (lambda p: p, -60),
    "half": (lambda p: scaled(p, 0.5, 0.5), 85), "quarter": (lambda p: scaled(p, 0.25, 0.25), 85), "squashed": (lambda p: scaled(p, 1, 0.75), 85),
    "cut-5": (lambda p: cut(p, 0.025, 0.025, 0.025, 0.025), 85), "cut-10": (lambda p: cut(p, 0.05, 0.05, 0.05, 0.05), 85),
    "cut-20": (lambda p: cut(p, 0.1, 0.1, 0.1, 0.1), 85), "cut-corner-10": (lambda p: cut(p, 0, 0, 0.1, 0.1), 85),
    "black-frame": (lambda p: framed(p, 0.05, "black"), 85), "white-frame": (lambda p: framed(p, 0.1, "white"), 85),
    "words": (words, 85), "caption": (captioned, 85), "sticker": (stickered, 85), "screenshot": (on_a_telephone, 85),
    "turned-90": (lambda p: p.transpose(Image.ROTATE_90), 85), "turned-180": (lambda p: p.transpose(Image.ROTATE_180), 85),
    "mirrored": (ImageOps.mirror, 85), "upside-down": (ImageOps.flip, 85), "tilted-3": (lambda p: p.rotate(3, resample=Image.BICUBIC), 85),
    "grey": (lambda p: p.convert("L").convert("RGB"), 85), "brighter": (lambda p: ImageEnhance.Brightness(p).enhance(1.2), 85),
    "darker": (lambda p: ImageEnhance.Brightness(p).enhance(0.8), 85), "contrast": (lambda p: ImageEnhance.Contrast(p).enhance(1.4), 85),
    "blurred": (lambda p: p.filter(ImageFilter.GaussianBlur(max(p.size) / 400)), 85), "grain": (grainy, 85), "inverted": (ImageOps.invert, 85),
    "mirrored-half-30": (lambda p: scaled(ImageOps.mirror(p), 0.5, 0.5), 30), "screenshot-mirrored": (lambda p: on_a_telephone(ImageOps.mirror(p)), 85),
}

folder = sys.argv[1]
assert len(COPIES) == 31
for number, source in enumerate(sys.argv[2:]):
    picture = Image.open(source).convert("RGB")
    picture.thumbnail((LONGEST, LONGEST), Image.LANCZOS)
    picture.save(f"{folder}/{number:02}~original.jpg", quality=92)
    picture = Image.open(f"{folder}/{number:02}~original.jpg").convert("RGB")
    for name, (change, quality) in COPIES.items():
        kind = "webp" if quality < 0 else "jpg"
        change(picture).save(f"{folder}/{number:02}~{name}.{kind}", quality=abs(quality))
