# SPDX-License-Identifier: Apache-2.0
"""Signing keys of TUF metadata, made by the libcrypto that is installed.

The three kinds that TUF names: ed25519, ecdsa (P-256) and rsa (PSS, SHA-256).
"""
import ctypes
import ctypes.util
import hashlib
import json

_lib = ctypes.CDLL(ctypes.util.find_library("crypto"))
_ED25519 = 1087
_PSS = 6


def _function(name, result, *arguments):
    f = getattr(_lib, name)
    f.restype = result
    f.argtypes = arguments
    return f


_P = ctypes.c_void_p
_raw_private = _function("EVP_PKEY_new_raw_private_key", _P, ctypes.c_int, _P,
                         ctypes.c_char_p, ctypes.c_size_t)
_raw_public = _function("EVP_PKEY_get_raw_public_key", ctypes.c_int, _P,
                        ctypes.c_char_p, ctypes.POINTER(ctypes.c_size_t))
_bio_new = _function("BIO_new", _P, _P)
_bio_mem = _function("BIO_s_mem", _P)
_bio_read = _function("BIO_read", ctypes.c_int, _P, ctypes.c_char_p,
                      ctypes.c_int)
_bio_free = _function("BIO_free", ctypes.c_int, _P)
_write_public = _function("PEM_write_bio_PUBKEY", ctypes.c_int, _P, _P)
_md_new = _function("EVP_MD_CTX_new", _P)
_md_free = _function("EVP_MD_CTX_free", None, _P)
_sha256 = _function("EVP_sha256", _P)
_sign_init = _function("EVP_DigestSignInit", ctypes.c_int, _P,
                       ctypes.POINTER(_P), _P, _P, _P)
_sign = _function("EVP_DigestSign", ctypes.c_int, _P, ctypes.c_char_p,
                  ctypes.POINTER(ctypes.c_size_t), ctypes.c_char_p,
                  ctypes.c_size_t)
_padding = _function("EVP_PKEY_CTX_set_rsa_padding", ctypes.c_int, _P,
                     ctypes.c_int)
_salt = _function("EVP_PKEY_CTX_set_rsa_pss_saltlen", ctypes.c_int, _P,
                  ctypes.c_int)


def _text(value):
    if isinstance(value, str):
        return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"')
    if isinstance(value, dict):
        return "{%s}" % ",".join(_text(k) + ":" + _text(value[k])
                                 for k in sorted(value))
    if isinstance(value, list):
        return "[%s]" % ",".join(map(_text, value))
    return json.dumps(value)


def canonical(value):
    """OLPC canonical JSON: of control characters, none is escaped."""
    return _text(value).encode()


def _must(result):
    if not result or (isinstance(result, int) and result < 0):
        raise RuntimeError("libcrypto said no")
    return result


def _generate(kind, parameter):
    make = _lib.EVP_PKEY_Q_keygen
    make.restype = _P
    return _must(make(None, None, ctypes.c_char_p(kind), parameter))


class Key:
    """One key; self.object is what metadata carries."""

    def __init__(self, kind, seed=b""):
        self.kind = kind
        if kind == "ed25519":
            secret = hashlib.sha256(b"uptane test key " + seed).digest()
            self._key = _must(_raw_private(_ED25519, None, secret, 32))
            scheme, public = "ed25519", self._raw_public()
        elif kind == "ecdsa":
            self._key = _generate(b"EC", ctypes.c_char_p(b"P-256"))
            scheme, public = "ecdsa-sha2-nistp256", self._pem()
        else:
            self._key = _generate(b"RSA", ctypes.c_size_t(2048))
            scheme, public = "rsassa-pss-sha256", self._pem()
        self.object = {"keytype": kind, "scheme": scheme,
                       "keyval": {"public": public}}
        self.id = hashlib.sha256(canonical(self.object)).hexdigest()
        self._made = {}  # signatures, so that equal files are equal bytes

    def _raw_public(self):
        out, size = ctypes.create_string_buffer(32), ctypes.c_size_t(32)
        _must(_raw_public(self._key, out, ctypes.byref(size)))
        return out.raw.hex()

    def _pem(self):
        bio = _must(_bio_new(_bio_mem()))
        out = ctypes.create_string_buffer(4096)
        _must(_write_public(bio, self._key))
        size = _must(_bio_read(bio, out, 4096))
        _bio_free(bio)
        return out.raw[:size].decode()

    def sign(self, message):
        """Signature of message, lower-case hex."""
        if message not in self._made:
            self._made[message] = self._sign(message)
        return self._made[message]

    def _sign(self, message):
        context, inner = _must(_md_new()), _P()
        digest = None if self.kind == "ed25519" else _sha256()
        _must(_sign_init(context, ctypes.byref(inner), digest, None,
                         self._key))
        if self.kind == "rsa":
            _must(_padding(inner, _PSS))
            _must(_salt(inner, 32))
        out, size = ctypes.create_string_buffer(1024), ctypes.c_size_t(1024)
        _must(_sign(context, out, ctypes.byref(size), message, len(message)))
        _md_free(context)
        return out.raw[:size.value].hex()


class Keyring(dict):
    """Keys by name, made when first asked for; "ecdsa:a" is not ed25519."""

    def __missing__(self, name):
        kind = name.partition(":")[0] if ":" in name else "ed25519"
        self[name] = Key(kind, name.encode())
        return self[name]
