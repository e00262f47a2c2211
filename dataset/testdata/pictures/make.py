# Makes the pictures in this folder, with Pillow (13.0 was used): python3 make.py
#
# All show the same, which orientation_test.go knows: 6×4 squares of 8×8 pixels, square (x, y) of the colour
# 32 + 64·((x + y) mod 4), 32 + 64·(x mod 4), 32 + 64·y. The files exif-FORMAT-N store it as the Exif orientation N
# says; Pillow's own reading of that is checked.
import io

from PIL import Image, ImageOps

upright = Image.new("RGB", (48, 32))
for y in range(32):
    for x in range(48):
        a, b = x // 8, y // 8
        upright.putpixel((x, y), (32 + 64 * ((a + b) % 4), 32 + 64 * (a % 4), 32 + 64 * b))

T = Image.Transpose
# From upright to what is stored: the inverse of what a viewer does.
stored = {
    1: [], 2: [T.FLIP_LEFT_RIGHT], 3: [T.ROTATE_180], 4: [T.FLIP_TOP_BOTTOM],
    5: [T.TRANSPOSE], 6: [T.ROTATE_90], 7: [T.TRANSVERSE], 8: [T.ROTATE_270],
}
formats = {
    "png": dict(optimize=True),
    "jpeg": dict(quality=95, subsampling=0),
    "webp": dict(lossless=True),
    "tiff": dict(compression="tiff_lzw"),
}
for format, how in formats.items():
    for n, steps in stored.items():
        picture = upright
        for step in steps:
            picture = picture.transpose(step)
        exif = Image.Exif()
        exif[0x0112] = n
        file = io.BytesIO()
        picture.save(file, format, exif=exif, **how)
        seen = ImageOps.exif_transpose(Image.open(io.BytesIO(file.getvalue())))
        assert seen.size == upright.size
        worst = max(abs(p - q) for a, b in zip(seen.convert("RGB").getdata(), upright.getdata()) for p, q in zip(a, b))
        assert worst < (12 if format == "jpeg" else 1), (format, n, worst)
        open(f"exif-{format}-{n}", "wb").write(file.getvalue())

upright.save("plain.gif")
upright.save("plain.bmp")
upright.quantize(24).save("palette.bmp")
upright.save("plain.tiff", compression="packbits")
upright.save("deflate.tiff", compression="tiff_deflate")
upright.save("lossy.webp", quality=100)
upright.convert("CMYK").save("cmyk.jpeg", quality=95, subsampling=0)

# As TestStraight has it.
straight = Image.new("RGBA", (4, 1))
straight.putdata([(59, 4, 59, 0), (200, 100, 50, 1), (1, 2, 3, 255), (255, 255, 255, 0)])
straight.save("../straight.webp", lossless=True, exact=True)
