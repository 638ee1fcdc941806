"""ghostscript renders a small PostScript file to PNG; the pictures must be the same bytes."""

from case import WORKLOADS, Case, digest
from packages import Need


class Ghostscript(Case):
    name = "ghostscript"
    about = "two pages of PostScript rendered to PNG, compared byte for byte"
    needs = (Need("gs", "ghostscript"),)

    def run(self, session):
        for device, bits in (("png16m", 4), ("pnggray", 1)):
            session.run("gs", "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-r110",
                        f"-sDEVICE={device}", f"-dTextAlphaBits={bits}",
                        f"-dGraphicsAlphaBits={bits}", f"-sOutputFile={device}-%d.png",
                        WORKLOADS / "pages.ps")
        pictures = sorted(session.work.glob("*.png"))
        return {picture.name: digest(picture.read_bytes()) for picture in pictures}
