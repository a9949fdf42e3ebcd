"""The certificate that a server speaks TLS with, if it does so itself."""

import ssl

from spark_assets.settings import BadSettings, Settings


def check_certificate(settings: Settings) -> None:
    """Raises BadSettings for a certificate and a key that cannot be served with."""
    if settings.tls_cert is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key, password="")
    except OSError as error:
        expected = "expected a certificate chain and its private key, in PEM and without a passphrase"
        reason = expected if isinstance(error, ssl.SSLError) else error.strerror
        raise BadSettings(f"SPARK_ASSETS_TLS_CERT and SPARK_ASSETS_TLS_KEY cannot be used: {reason}") from None
