import Faults
import Foundation

/// Where an OpenAI-compatible server answers: "http://127.0.0.1:8000/v1".
public struct EndpointAddress: Equatable, Sendable {
    /// Of the server's functions, without a slash at the end.
    public let base: String
    /// Without the version: where servers tell of themselves.
    let root: String
    let scheme: String
    let host: String
    let port: Int

    /// - Parameter text: a URL of the server, with or without `/v1`.
    /// - Throws: `usage` for what is no such URL. One that holds a password is not shown.
    public init(_ text: String) throws(Fault) {
        func wrong(_ summary: String, found: String?) -> Fault {
            Fault(
                .usage, summary, place: "--endpoint", found: found,
                expected: "a URL such as http://127.0.0.1:8000 or https://host/v1")
        }
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme), let host = parts.host, !host.isEmpty
        else {
            throw wrong("the endpoint is not a URL of HTTP", found: text.contains("@") ? nil : text)
        }
        guard parts.user == nil, parts.password == nil else {
            var fault = wrong("the endpoint's URL holds a name or password", found: nil)
            fault.advice = "put a key into the environment variable ESPALIER_API_KEY"
            throw fault
        }
        guard parts.query == nil, parts.fragment == nil else {
            throw wrong("the endpoint's URL has a query or a fragment", found: text)
        }
        var path = parts.percentEncodedPath
        while path.hasSuffix("/") { path.removeLast() }
        if path.hasSuffix("/completions") { path.removeLast("/completions".count) }
        if path.hasSuffix("/v1") { path.removeLast("/v1".count) }
        self.scheme = scheme
        self.host = host.lowercased()
        port = parts.port ?? (scheme == "https" ? 443 : 80)
        let shownHost = parts.encodedHost ?? host
        root = scheme + "://" + shownHost + (parts.port.map { ":\($0)" } ?? "") + path
        base = root + "/v1"
    }

    /// Whether what is sent stays on this machine.
    var isLoopback: Bool {
        host == "localhost" || host == "::1" || host == "[::1]"
            || host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." }
    }

    /// Where a redirect leads, when it stays with this server: the same host, and no other port but that of HTTPS in
    /// place of HTTP's.
    ///
    /// - Parameters:
    ///   - location: what the answer says.
    ///   - url: of the request that it answers.
    func target(ofRedirect location: String, from url: String) -> String? {
        guard let target = URL(string: location, relativeTo: URL(string: url))?.absoluteURL,
            let parts = URLComponents(url: target, resolvingAgainstBaseURL: true), parts.user == nil,
            let newScheme = parts.scheme?.lowercased(), parts.host?.lowercased() == host
        else { return nil }
        let newPort = parts.port ?? (newScheme == "https" ? 443 : 80)
        let isSame = newScheme == scheme && newPort == port
        let isUpgrade = scheme == "http" && newScheme == "https" && (newPort == port || port == 80 && newPort == 443)
        return isSame || isUpgrade ? target.absoluteString : nil
    }
}
