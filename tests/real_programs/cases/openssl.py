"""openssl: digests, ciphers, a signature, a certificate as text; nothing that is random."""

from case import Case, digest
from packages import Need
from session import Session


class Openssl(Case):
    name = "openssl"
    about = "digests, ciphers, RSA signature and verification, certificates"
    needs = (Need("openssl", "openssl"),)

    def prepare(self, directory):
        self.input = directory / "input"
        self.input.write_bytes(self.random().randbytes(3_000_000))
        self.key, self.certificate = directory / "key.pem", directory / "certificate.pem"
        (directory / "made").mkdir()
        Session("made", directory / "made").run(
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key,
            "-out", self.certificate, "-subj", "/CN=example.org", "-days", "3000")

    def run(self, session):
        def openssl(*words):
            return session.run("openssl", *words).stdout

        encrypt = ("enc", "-aes-256-cbc", "-pbkdf2", "-iter", 2000, "-S", "0011223344556677",
                   "-pass", "pass:word")
        openssl(*encrypt, "-in", self.input, "-out", "encrypted")
        openssl(*encrypt, "-d", "-in", "encrypted", "-out", "decrypted")
        openssl("dgst", "-sha256", "-sign", self.key, "-out", "signature", self.input)
        return {
            "sha512": openssl("dgst", "-sha512", "-r", self.input),
            "blake2b": openssl("dgst", "-blake2b512", "-r", self.input),
            "encrypted": digest((session.work / "encrypted").read_bytes()),
            "decrypted": (session.work / "decrypted").read_bytes() == self.input.read_bytes(),
            "signature": digest((session.work / "signature").read_bytes()),
            "text": openssl("x509", "-in", self.certificate, "-noout", "-text"),
            "chain": openssl("verify", "-CAfile", self.certificate, self.certificate),
            "base64": digest(openssl("enc", "-base64", "-in", self.input)),
        }
