/// Wire formats that front ends are known to expect. Each is nothing but the values that it gives; "Presets" spells them out
/// as a configuration would.
package enum WirePreset: String, Sendable, CaseIterable {
    /// RFC 6749 §5 and §6.
    case oauth2
    /// djangorestframework-simplejwt.
    case simplejwt
    /// Express applications that answer an envelope of code, message and data.
    case express
    /// The refresh token in a cookie that no script can read.
    case cookie
    /// The refresh token as Bearer.
    case bearerRefresh = "bearer-refresh"
    /// The access token as Bearer: sliding on demand.
    case bearerAccess = "bearer-access"

    package var refreshPath: String {
        switch self {
        case .oauth2: "/oauth/token"
        case .simplejwt: "/api/token/refresh/"
        case .express: "/refresh-token"
        case .cookie: "/refresh"
        case .bearerRefresh: "/refresh-token"
        case .bearerAccess: "/api/auth/refresh-token"
        }
    }

    /// Nil: the preset knows no path of its own.
    package var loginPath: String? {
        switch self {
        case .simplejwt: "/api/token/"
        case .express: "/login"
        case .oauth2, .cookie, .bearerRefresh, .bearerAccess: nil
        }
    }

    /// - Parameter cookie: the name of the cookie for refresh tokens (`SessionPolicy.cookie`).
    package func refresh(cookie: String) -> WireFormat {
        switch self {
        case .oauth2: Self.oauth2Refresh
        case .simplejwt: Self.simplejwtRefresh
        case .express: Self.expressRefresh
        case .cookie: Self.cookieRefresh(cookie)
        case .bearerRefresh: Self.bearerRefreshRefresh
        case .bearerAccess: Self.bearerAccessRefresh
        }
    }

    /// What is added to the upstream's answer on a login route.
    package var login: AnswerFormat {
        switch self {
        case .oauth2: AnswerFormat(body: Self.oauth2Pair)
        case .simplejwt: AnswerFormat(body: ["access": "$access_token", "refresh": "$refresh_token"])
        case .express: AnswerFormat(body: Self.expressEnvelope("Login successful"))
        case .cookie: AnswerFormat(body: Self.bareAccessToken, setsRefreshCookie: true)
        case .bearerRefresh: AnswerFormat(body: ["accessToken": "$access_token", "refreshToken": "$refresh_token"])
        // The access token slides by itself, so nothing else is handed out.
        case .bearerAccess: AnswerFormat(body: Self.accessTokenWithUser)
        }
    }
}

extension WirePreset {
    private static let oauth2Pair: AnswerTemplate = [
        "access_token": "$access_token", "token_type": "Bearer", "expires_in": "$expires_in", "refresh_token": "$refresh_token",
    ]

    private static let oauth2Refresh = WireFormat(
        token: .form("refresh_token"), required: [WireFormat.RequiredMember(name: "grant_type", value: "refresh_token")],
        answer: AnswerFormat(body: oauth2Pair),
        refusals: RefusalFormats([
            .missing: oauth2Error("$code"), .invalid: oauth2Error("invalid_grant"), .requirement: oauth2Error("$code"),
            .malformed: oauth2Error("invalid_request"), .mediaType: oauth2Error("invalid_request"),
            .unavailable: RefusalFormats.Format(status: 503, body: ["error": "temporarily_unavailable"]),
        ]))

    private static func oauth2Error(_ code: AnswerTemplate) -> RefusalFormats.Format {
        RefusalFormats.Format(status: 400, body: ["error": code, "error_description": "$description"])
    }

    private static let simplejwtRefresh = WireFormat(
        token: .json("refresh"), answer: AnswerFormat(body: ["access": "$access_token", "refresh": "$new_refresh_token"]),
        refusals: RefusalFormats([
            .missing: RefusalFormats.Format(status: 400, body: ["refresh": .array(["This field is required."])]),
            .invalid: RefusalFormats.Format(
                status: 401, body: ["detail": "Token is invalid or expired", "code": "token_not_valid"]),
            .malformed: RefusalFormats.Format(status: 400, body: ["detail": "$description"]),
            .mediaType: RefusalFormats.Format(status: 415, body: ["detail": "$description"]),
        ]))

    private static func expressEnvelope(_ message: AnswerTemplate) -> AnswerTemplate {
        [
            "code": 200, "message": message,
            "data": [
                "access_token": "$access_token", "refresh_token": "$refresh_token", "username": "$claims.username",
                "email": "$claims.email", "role": "$claims.role",
            ],
        ]
    }

    private static let expressRefresh = WireFormat(
        token: .json("refreshToken"), answer: AnswerFormat(body: expressEnvelope("Token refreshed")),
        refusals: RefusalFormats([
            .missing: expressError(400), .malformed: expressError(400), .mediaType: expressError(400), .invalid: expressError(403),
            .unavailable: expressError(503),
        ]))

    private static func expressError(_ status: Int) -> RefusalFormats.Format {
        RefusalFormats.Format(status: status, body: ["code": .integer(Int64(status)), "message": "$description"])
    }

    private static let bareAccessToken: AnswerTemplate = [
        "access_token": "$access_token", "token_type": "Bearer", "expires_in": "$expires_in",
    ]

    private static func cookieRefresh(_ name: String) -> WireFormat {
        WireFormat(
            token: .cookie(name), answer: AnswerFormat(body: bareAccessToken, setsRefreshCookie: true),
            refusals: RefusalFormats([.missing: RefusalFormats.Format(status: 401)]))
    }

    private static let bearerRefreshRefresh = WireFormat(
        token: .bearer, answer: AnswerFormat(body: ["accessToken": "$access_token", "refreshToken": "$new_refresh_token"]),
        refusals: RefusalFormats([
            .missing: bearerError, .invalid: bearerError, .malformed: bearerError,
            .unavailable: RefusalFormats.Format(status: 503, body: ["error": "$description"]),
        ]))

    private static let bearerError = RefusalFormats.Format(status: 401, body: ["error": "$description"])

    private static let accessTokenWithUser: AnswerTemplate = [
        "access_token": "$access_token", "token_type": "bearer", "user_id": "$claims.id", "role": "$claims.role",
        "username": "$claims.sub",
    ]

    private static let bearerAccessRefresh = WireFormat(
        token: .access, answer: AnswerFormat(body: accessTokenWithUser),
        refusals: RefusalFormats([
            .missing: RefusalFormats.Format(status: 401), .malformed: RefusalFormats.Format(status: 401),
        ]))
}
