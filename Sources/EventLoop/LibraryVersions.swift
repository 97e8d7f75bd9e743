import CLibevent
import COpenSSL

/// Of the libraries that the program has found when it started, which need not be those it was built with.
package enum LibraryVersions {
    package static var openssl: String { String(cString: OpenSSL_version(OPENSSL_VERSION_STRING)) }

    package static var libevent: String { String(cString: event_get_version()) }
}
