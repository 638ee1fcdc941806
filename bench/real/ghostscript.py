"""ghostscript renders generated pages of text, curves, gradients and pictures."""

import random

from real.plan import Plan

PACKAGES = ["ghostscript"]
ABOUT = "ghostscript renders pages of text, curves, gradients and pictures"

FONTS = ["Times-Roman", "Helvetica-Bold", "Courier", "Palatino-Roman"]


def page(source):
    out = []
    for _ in range(60):
        r, g, b = (round(source.random(), 3) for _ in range(3))
        points = " ".join(str(source.randrange(600)) for _ in range(6))
        out.append(f"{r} {g} {b} setrgbcolor newpath {source.randrange(600)} {source.randrange(800)}"
                   f" moveto {points} curveto closepath {source.choice(['fill', 'stroke', 'eofill'])}")
    for line in range(50):
        text = "".join(source.choices("abcdefghijklmnopqrstuvwxyz     ", k=70))
        out.append(f"/{source.choice(FONTS)} findfont {source.randint(8, 16)} scalefont setfont"
                   f" 0 setgray 40 {780 - 15 * line} moveto ({text}) show")
    out.append("gsave 100 100 translate << /ShadingType 3 /ColorSpace /DeviceRGB"
               f" /Coords [0 0 0 0 0 {source.randint(40, 200)}] /Function << /FunctionType 2"
               " /Domain [0 1] /C0 [1 0 0] /C1 [0 0 1] /N 1.5 >> >> shfill grestore")
    picture = bytes(source.randrange(256) for _ in range(64 * 64)).hex()
    out.append(f"gsave 300 300 translate 200 200 scale 64 64 8 [64 0 0 -64 0 64] {{<{picture}>}}"
               " image grestore showpage")
    return "\n".join(out)


def prepare(directory, scale):
    source = random.Random(3)
    pages = [page(source) for _ in range(max(1, int(40 * scale)))]
    file = directory / "pages.ps"
    file.write_text("%!PS\n" + "\n".join(pages) + "\n")
    return Plan(["gs", "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=ppmraw", "-r72",
                 "-dTextAlphaBits=4", "-dGraphicsAlphaBits=4", "-sOutputFile=-", str(file)])
