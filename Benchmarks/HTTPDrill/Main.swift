import LastCall
import LastCallConcurrency
import LastCallTesting

#if canImport(Glibc)
    import Glibc
#endif

/// Stops servers under load and counts what their clients lose.
@main
struct Program {
    /// What the command line asks for.
    private struct Options {
        var runs = 5
        var keepAlive = 64
        var fresh = 16
        var port = 18_300
        var only: String?
        var command: String?
        var path = "/"
    }

    private static let usage = """
        usage: HTTPDrill [--runs N] [--keep-alive N] [--fresh N] [--only NAME] [--port N]
               HTTPDrill --command 'PROGRAM ARG…' --port N [--url PATH] [--runs N]
               HTTPDrill serve [--port N] [--speak http1|tls|http2] [--bare] [--share-port] [--inherit] [--delay 1s] [--linger 100ms]
                               [--certificate FILE --key FILE]

        Without --command every server that is installed is stopped under the same load.
        """

    /// Not an async `main`, which ends the main thread: callgrind does not survive that.
    static func main() {
        UnstructuredTask.start {
            do {
                try await run()
                exit(0)
            } catch {
                say("\(error)")
                exit(1)
            }
        }
        while true { pause() }
    }

    private static func run() async throws {
        var arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.first == "serve" {
            let signals = ProcessSignals.take()
            arguments.removeFirst()
            return try await DrillServer(options: try serverOptions(arguments)).run(signals: signals)
        }
        let options = try options(arguments)
        let scenarios = try Scenarios()
        try await scenarios.makeCertificate()
        var all: [Scenario] = []
        if let command = options.command {
            all = [scenarios.other(command, path: options.path)]
        } else {
            all = DrillProtocol.allCases.map { scenarios.own($0, isBare: false) }
            all += [scenarios.lameDuck(), scenarios.rolling(), scenarios.inherited()]
            all += DrillProtocol.allCases.map { scenarios.own($0, isBare: true) }
            if let nginx = try scenarios.nginx(upstream: options.port + 500) { all.append(nginx) }
            for module in ["hypercorn", "uvicorn"] {
                if let scenario = try await scenarios.python(module) { all.append(scenario) }
            }
        }
        if let only = options.only { all = all.filter { $0.name.contains(only) } }
        var port = options.port
        // One by one, because a scenario may hold a socket that later ones must not inherit.
        while let scenario = all.first {
            all.removeFirst()
            var sum = DrillResult()
            for _ in 0..<options.runs {
                sum.add(try await scenario.run(port: port, keepAlive: options.keepAlive, fresh: options.fresh))
                if options.command == nil && !scenario.startsSuccessorAfter { port += 1 }
            }
            port += 1
            Report.print(scenario.name, sum, runs: options.runs)
        }
    }

    private static func options(_ arguments: [String]) throws -> Options {
        var options = Options()
        var rest = arguments[...]
        while let name = rest.popFirst() {
            if name == "--help" || name == "-h" {
                say(usage)
                exit(0)
            }
            guard let value = rest.popFirst() else { throw DrillFailure("\(name) needs a value\n\(usage)") }
            let number = {
                guard let number = Int(value), number > 0 else {
                    throw DrillFailure("\(name) \(value): write a whole number above 0")
                }
                return number
            }
            switch name {
            case "--runs": options.runs = try number()
            case "--keep-alive": options.keepAlive = try number()
            case "--fresh": options.fresh = try number()
            case "--port": options.port = try number()
            case "--only": options.only = value
            case "--command": options.command = value
            case "--url": options.path = value
            default: throw DrillFailure("unknown option \(name)\n\(usage)")
            }
        }
        return options
    }

    private static func serverOptions(_ arguments: [String]) throws -> DrillServer.Options {
        var options = DrillServer.Options()
        var rest = arguments[...]
        while let name = rest.popFirst() {
            switch name {
            case "--bare": options.isBare = true
            case "--share-port": options.sharesPort = true
            case "--inherit": options.inherits = true
            default:
                guard let value = rest.popFirst() else { throw DrillFailure("\(name) needs a value\n\(usage)") }
                switch name {
                case "--port": options.port = Int(value) ?? 0
                case "--speak": options.speaks = DrillProtocol(rawValue: value) ?? .http1
                case "--delay": options.propagationDelay = DurationText.parse(value)
                case "--linger": options.linger = DurationText.parse(value)
                case "--certificate": options.certificate = value
                case "--key": options.key = value
                default: throw DrillFailure("unknown option \(name)\n\(usage)")
                }
            }
        }
        return options
    }
}

/// Prints a line at once.
func say(_ text: String) {
    print(text)
    fflush(nil)
}
