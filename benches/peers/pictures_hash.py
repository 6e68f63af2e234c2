"""Makes pictures of 12 megapixels out of smaller ones, or hashes them as hasher-matcher-actioner does."""
import pathlib, sys, time
import numpy as np
from PIL import Image

def make(folder, sources):
    rng = np.random.default_rng(1)
    for number, source in enumerate(sources):
        picture = Image.open(source).convert("RGB")
        scale = (12_000_000 / (picture.width * picture.height)) ** 0.5
        picture = picture.resize((int(picture.width * scale), int(picture.height * scale)), Image.LANCZOS)
        grain = np.asarray(picture).astype(np.float32) + rng.normal(0, 3, (picture.height, picture.width, 3)).astype(np.float32)
        picture = Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8))
        picture.save(f"{folder}/{number:02}-baseline.jpg", quality=90)
        picture.save(f"{folder}/{number:02}-progressive.jpg", quality=90, progressive=True)

def hashes(paths):
    from threatexchange.signal_type.pdq.pdq_hasher import pdq_from_file
    for path in paths:
        start = time.process_time()
        digest, quality = pdq_from_file(pathlib.Path(path))
        print(digest, quality, time.process_time() - start)

if sys.argv[1] == "make":
    make(sys.argv[2], sys.argv[3:])
else:
    hashes(sys.argv[2:])
