import COpenSSL

/// An authority's word that a certificate has not been revoked, to be sent along with it (RFC 6066 §8).
package struct OCSPStaple: Sendable {
    let der: [UInt8]
    /// Seconds since 1970: from then on it says nothing. `Int64.max` when it has no end.
    package let nextUpdate: Int64

    /// - Throws: `.malformedStaple` when it is no such response, is about another certificate, says that this one is
    ///   revoked, or has expired.
    init(_ der: [UInt8], for certificate: TLSCertificate, now: Int64) throws(TLSSetupError) {
        ERR_clear_error()
        defer { ERR_clear_error() }
        let response = der.withUnsafeBufferPointer { bytes in
            var start = bytes.baseAddress
            return d2i_OCSP_RESPONSE(nil, &start, bytes.count)
        }
        guard let response else { throw .malformedStaple("cannot be read as DER") }
        defer { OCSP_RESPONSE_free(response) }
        guard OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL,
            let basic = OCSP_response_get1_basic(response)
        else { throw .malformedStaple("is no success") }
        defer { OCSP_BASICRESP_free(basic) }
        guard let issuer = certificate.issuer else {
            throw .malformedStaple("cannot be matched: the certificate file lacks the issuer's certificate")
        }
        var verdict: (status: CInt, next: Int64)?
        for index in 0..<OCSP_resp_count(basic) {
            guard let single = OCSP_resp_get0(basic, index),
                Self.isAbout(certificate.leaf, issuer, OCSP_SINGLERESP_get0_id(single))
            else { continue }
            var next: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
            let status = OCSP_single_get0_status(single, nil, nil, nil, &next)
            verdict = (status, next.map { X509Name.seconds($0) } ?? .max)
        }
        guard let verdict else { throw .malformedStaple("is about another certificate") }
        guard verdict.status == V_OCSP_CERTSTATUS_GOOD else {
            throw .malformedStaple("says that the certificate is \(verdict.status == V_OCSP_CERTSTATUS_REVOKED ? "revoked" : "unknown")")
        }
        guard verdict.next > now else { throw .malformedStaple("has expired") }
        self.der = der
        nextUpdate = verdict.next
    }

    /// Responders choose the digest that identifies a certificate: it is taken from the response.
    private static func isAbout(_ leaf: OpaquePointer, _ issuer: OpaquePointer, _ id: OpaquePointer?) -> Bool {
        var algorithm: OpaquePointer?
        guard let id, OCSP_id_get0_info(nil, &algorithm, nil, nil, id) == 1,
            let digest = EVP_get_digestbyname(OBJ_nid2sn(OBJ_obj2nid(algorithm))),
            let expected = OCSP_cert_to_id(digest, leaf, issuer)
        else { return false }
        defer { OCSP_CERTID_free(expected) }
        return OCSP_id_cmp(id, expected) == 0
    }
}
