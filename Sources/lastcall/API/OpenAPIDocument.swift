/// The OpenAPI document of the HTTP API (OpenAPI Specification 3.1), made of its routes.
enum OpenAPIDocument {
    /// The document.
    static var text: String { JSONText.encode(document) }

    private static var document: AnyJSON {
        var paths: [String: [String: AnyJSON]] = [:]
        for route in APIRoute.allCases { paths[route.path, default: [:]][route.method.lowercased()] = operation(route) }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "lastcall serve", "version": "1",
                "description":
                    "Submit work and look after it. Keys may be added, never changed. Over a loopback address without a token only tasks can be submitted, no commands. What ends with its connection (400, 408, 413, 431, 503) may have no body.",
            ],
            "security": [.object([:]), ["token": []]],
            "paths": .object(paths.mapValues { .object($0) }),
            "components": [
                "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
                "schemas": [
                    "Error": [
                        "type": "object", "required": ["error"],
                        "properties": ["error": ["type": "string", "description": "What is wrong, and what to do."]],
                    ],
                    "Submission": [
                        "type": "object",
                        "description":
                            "An element as in a workflow file: task with arguments, chain, group with then; see Documentation/ServeConfiguration.md.",
                        "examples": [["task": "hash", "arguments": ["path": "a.iso"]]],
                    ],
                ],
            ],
        ]
    }

    private static func operation(_ route: APIRoute) -> AnyJSON {
        var parameters: [AnyJSON] = route.query.map { name, type, summary in
            let schema: AnyJSON =
                type == "array" ? ["type": "array", "items": ["type": "string"]] : ["type": .text(type)]
            return ["name": .text(name), "in": "query", "description": .text(summary), "schema": schema]
        }
        if route.path.contains("{id}") {
            parameters.insert(
                ["name": "id", "in": "path", "required": true, "schema": ["type": "integer", "format": "int64"]], at: 0)
        }
        var answers: [String: AnyJSON] = [:]
        let common = [
            (401, "The token is missing or wrong."),
            (
                403,
                "The request comes from a web page, names another host, or asks for more than is allowed without a token."
            ),
            (503, "The store cannot be used now, or the server stops."),
        ]
        for (status, summary) in route.answers + common {
            let kind = route == .output && status == 200 ? "text/plain" : "application/json"
            let schema: AnyJSON = status >= 400 ? ["$ref": "#/components/schemas/Error"] : .object([:])
            answers["\(status)"] = ["description": .text(summary), "content": [kind: ["schema": schema]]]
        }
        var operation: [String: AnyJSON] = [
            "operationId": .text(route.rawValue), "summary": .text(route.summary), "responses": .object(answers),
        ]
        if !parameters.isEmpty { operation["parameters"] = .list(parameters) }
        if route == .submit {
            operation["requestBody"] = [
                "required": true,
                "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Submission"]]],
            ]
        }
        return .object(operation)
    }
}

extension AnyJSON: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    init(stringLiteral value: String) { self = .text(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(arrayLiteral elements: AnyJSON...) { self = .list(elements) }
    init(dictionaryLiteral elements: (String, AnyJSON)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { $1 }))
    }
}
