// OpenSSL 3 (libssl and libcrypto). Macros do not import into Swift; each shim is named after the macro it stands for.
#pragma once
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static inline void *shim_OPENSSL_malloc(size_t count) { return OPENSSL_malloc(count); }
static inline void shim_OPENSSL_free(void *bytes) { OPENSSL_free(bytes); }
static inline void shim_OPENSSL_clear_free(void *bytes, size_t count) { OPENSSL_clear_free(bytes, count); }
static inline int shim_BN_num_bytes(const BIGNUM *number) { return BN_num_bytes(number); }
static inline long shim_BIO_get_mem_data(BIO *bio, char **bytes) { return BIO_get_mem_data(bio, bytes); }
static inline int shim_EVP_PKEY_KEYPAIR(void) { return EVP_PKEY_KEYPAIR; }
static inline int shim_EVP_PKEY_PUBLIC_KEY(void) { return EVP_PKEY_PUBLIC_KEY; }

// A parameter points at its name for as long as it is used. The names are string literals here; in Swift each use of one
// would be a copy that ends with the expression it stands in.

static inline OSSL_PARAM shim_OSSL_MAC_PARAM_DIGEST(char *digest) {
    return OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
}
static inline OSSL_PARAM shim_OSSL_MAC_PARAM_KEY(void *key, size_t count) {
    return OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key, count);
}

// TLS

static inline uint64_t shim_SSL_OP_NO_RENEGOTIATION(void) { return SSL_OP_NO_RENEGOTIATION; }
static inline uint64_t shim_SSL_OP_NO_COMPRESSION(void) { return SSL_OP_NO_COMPRESSION; }
static inline uint64_t shim_SSL_OP_NO_TICKET(void) { return SSL_OP_NO_TICKET; }
static inline unsigned long shim_XN_FLAG_RFC2253(void) { return XN_FLAG_RFC2253; }

static inline long shim_SSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
    return SSL_CTX_set_min_proto_version(context, version);
}
static inline long shim_SSL_CTX_set_mode(SSL_CTX *context, long mode) { return SSL_CTX_set_mode(context, mode); }
static inline long shim_SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode) {
    return SSL_CTX_set_session_cache_mode(context, mode);
}
static inline long shim_SSL_CTX_set_read_ahead(SSL_CTX *context, long yes) { return SSL_CTX_set_read_ahead(context, yes); }
static inline long shim_SSL_CTX_set1_groups_list(SSL_CTX *context, const char *groups) {
    return SSL_CTX_set1_groups_list(context, (char *)groups);
}
static inline long shim_SSL_CTX_set_tlsext_servername_callback(SSL_CTX *context, int (*callback)(SSL *, int *, void *)) {
    return SSL_CTX_set_tlsext_servername_callback(context, callback);
}
static inline long shim_SSL_CTX_set_tlsext_servername_arg(SSL_CTX *context, void *argument) {
    return SSL_CTX_set_tlsext_servername_arg(context, argument);
}
static inline long shim_SSL_CTX_set_tlsext_status_cb(SSL_CTX *context, int (*callback)(SSL *, void *)) {
    return SSL_CTX_set_tlsext_status_cb(context, callback);
}
static inline long shim_SSL_CTX_set_tlsext_status_arg(SSL_CTX *context, void *argument) {
    return SSL_CTX_set_tlsext_status_arg(context, argument);
}
static inline int shim_SSL_CTX_set_app_data(SSL_CTX *context, void *data) { return SSL_CTX_set_app_data(context, data); }
static inline void *shim_SSL_CTX_get_app_data(const SSL_CTX *context) { return SSL_CTX_get_app_data(context); }
static inline long shim_SSL_set_tlsext_status_ocsp_resp(SSL *ssl, unsigned char *response, long count) {
    return SSL_set_tlsext_status_ocsp_resp(ssl, response, count);
}
static inline long shim_SSL_set_tlsext_host_name(SSL *ssl, const char *name) { return SSL_set_tlsext_host_name(ssl, name); }
static inline int shim_SSL_set_app_data(SSL *ssl, void *data) { return SSL_set_app_data(ssl, data); }
static inline void *shim_SSL_get_app_data(const SSL *ssl) { return SSL_get_app_data(ssl); }

// Stacks: in C a type each, in Swift all of them `OpaquePointer`.

static inline STACK_OF(X509) *shim_sk_X509_new_null(void) { return sk_X509_new_null(); }
static inline int shim_sk_X509_push(STACK_OF(X509) *stack, X509 *certificate) { return sk_X509_push(stack, certificate); }
static inline void shim_sk_X509_free(STACK_OF(X509) *stack) { sk_X509_free(stack); }
static inline int shim_sk_GENERAL_NAME_num(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }
static inline GENERAL_NAME *shim_sk_GENERAL_NAME_value(const GENERAL_NAMES *names, int index) {
    return sk_GENERAL_NAME_value(names, index);
}
