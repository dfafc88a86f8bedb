import Faults
import Testing

@testable import Endpoint

struct EndpointAddressTests {
    @Test(arguments: [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"), ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1"),
        ("https://host/v1", "https://host/v1"), ("https://host/v1/completions", "https://host/v1"),
        ("HTTPS://host/openai/v1/", "https://host/openai/v1"), ("http://[::1]:80", "http://[::1]:80/v1"),
    ])
    func theVersionIsAddedWhereItIsMissing(text: String, base: String) throws {
        #expect(try EndpointAddress(text).base == base)
    }

    @Test(arguments: [
        "", "host:8000", "ftp://host", "file:///etc/passwd", "http://", "http://host/?key=1", "http://host/#x",
    ])
    func whatIsNoSuchURLIsRefused(text: String) {
        let fault = #expect(throws: Fault.self) { try EndpointAddress(text) }
        #expect(fault?.kind == .usage)
    }

    @Test func aPasswordIsRefusedAndNotShown() {
        let fault = #expect(throws: Fault.self) { try EndpointAddress("http://me:secret@host") }
        #expect(fault?.kind == .usage && fault?.description.contains("secret") == false)
    }

    @Test func redirectsStayWithTheServer() throws {
        let address = try EndpointAddress("http://host:8000")
        let url = address.base + "/models"
        #expect(address.target(ofRedirect: "/v2/models", from: url) == "http://host:8000/v2/models")
        #expect(address.target(ofRedirect: "https://host:8000/v1/models", from: url) == "https://host:8000/v1/models")
        for other in ["http://other:8000/", "http://host:9000/", "//other/", "http://host.other:8000/", "file:///etc"] {
            #expect(address.target(ofRedirect: other, from: url) == nil, "\(other)")
        }
        #expect(try EndpointAddress("https://host").target(ofRedirect: "http://host/", from: "https://host/v1") == nil)
    }

    @Test func aKeyIsNeverShown() throws {
        let key = try #require(
            try APIKey(environment: ["OPENAI_API_KEY": "sk-other", "ESPALIER_API_KEY": "sk-secret"]))
        #expect(key.header == "Authorization: Bearer sk-secret")
        var dumped = ""
        dump(key, to: &dumped)
        #expect(!"\(key)\(String(reflecting: key))\(dumped)".contains("secret"))
        #expect(try APIKey(environment: ["OPENAI_API_KEY": "sk-other"])?.header.hasSuffix("sk-other") == true)
        #expect(try APIKey(environment: [:]) == nil)
        let fault = #expect(throws: Fault.self) { try APIKey(environment: ["ESPALIER_API_KEY": "sk\r\nHost: x"]) }
        #expect(fault?.kind == .usage && fault?.description.contains("sk") == false)
    }
}
