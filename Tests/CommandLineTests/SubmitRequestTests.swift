import ArgumentParser
import LastCall
import LastCallWork
import Testing

@testable import lastcall

/// Command lines of `lastcall submit`, taken apart.
@Suite struct SubmitRequestTests {
    private static let tasks = """
        concurrency: 4
        tasks:
          hash: {command: [sha256sum, "{path}"], queue: files, priority: 5, retries: 2, lossesMax: 7, onLost: fail}
          many: {command: [echo, "{mode}", "{files...}"], defaults: {mode: all}}
          tally: {command: [cat]}
        """

    private func request(_ options: SubmitRequest.Options, input: String = "") throws -> SubmitRequest {
        let tasks = try configuration(Self.tasks)
        let request = try SubmitRequest(
            options, configuration: tasks, isFile: { _ in false }, readInput: { Array(input.utf8) })
        try request.validate(with: tasks)
        return request
    }

    private func refusal(_ options: SubmitRequest.Options, input: String = "") -> String {
        do {
            _ = try request(options, input: input)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("a task takes its arguments; one that comes again is a list, and = may be in a value")
    func arguments() throws {
        let one = try request(.init(words: ["hash", "path=a=b"]))
        #expect(one.elements == [.task(.init(name: "hash", arguments: ["path": .text("a=b")], line: 0))])
        let list = try request(.init(words: ["many", "files=a", "files=b"]))
        #expect(list.elements == [.task(.init(name: "many", arguments: ["files": .list(["a", "b"])], line: 0))])
        #expect(
            refusal(.init(words: ["hash", "path"])) == "\"path\" is no argument; write NAME=VALUE, as in path=a.iso")
        #expect(refusal(.init(words: ["hash", "paht=a"])).contains("write path"))
        #expect(refusal(.init(words: ["hsah", "path=a"])).contains("write hash"))
    }

    @Test("--each makes a group, --then its callback")
    func each() throws {
        var options = SubmitRequest.Options(words: ["hash"], each: ["path", "a", "b"], then: ["tally"])
        options.policy = .all
        options.deadline = .seconds(60)
        let request = try request(options)
        guard case .group(let group) = request.elements.first else {
            Issue.record("\(request.elements)")
            return
        }
        #expect(group.members.count == 2)
        #expect(group.callback == .task(.init(name: "tally", line: 0)))
        #expect(group.policy == .all)
        #expect(group.deadline == .seconds(60))
        #expect(request.jobCount == 3)
        #expect(request.elements[0].lastJobs == [2])
    }

    @Test("--each that makes no sense says what to write")
    func eachRefused() {
        #expect(refusal(.init(words: ["hash"], each: ["path"])).contains("--each path has no values"))
        #expect(refusal(.init(words: ["hash", "path=a"], each: ["path", "b"])).contains("path has a value already"))
        #expect(refusal(.init(words: ["many"], each: ["files", "a", "mode=b"])).contains("write mode= before --each"))
        #expect(refusal(.init(words: ["hash", "path=a"], then: ["tally"])).contains("--then follows a group"))
        var keyed = SubmitRequest.Options(words: ["hash"], each: ["path", "a"])
        keyed.job.key = "k"
        #expect(refusal(keyed).contains("--key would be the same"))
        var late = SubmitRequest.Options(words: ["hash", "path=a"])
        late.policy = .all
        #expect(refusal(late).contains("--policy belongs to a group"))
    }

    @Test("each line of standard input is a job; numbers and lists are taken, and a mistake names its line")
    func lines() throws {
        let options = SubmitRequest.Options(words: ["many"], readsInput: true)
        let request = try request(options, input: "{\"files\": [1, \"b\"]}\n\n{\"files\": \"c\", \"mode\": true}\n")
        #expect(request.elements.count == 2)
        #expect(
            request.elements[0]
                == .task(.init(name: "many", arguments: ["files": .list(["1", "b"])], line: 1)))
        #expect(
            request.elements[1]
                == .task(.init(name: "many", arguments: ["files": .text("c"), "mode": .text("true")], line: 3)))
        #expect(refusal(options, input: "{}\nnonsense\n").contains("standard input:2: is no JSON object"))
        #expect(refusal(options, input: "{\"files\": {}}\n").contains("standard input:1: files: write a text"))
        #expect(refusal(options, input: "{\"fils\": \"a\"}\n").contains("standard input:1: task many: argument fils"))
        let chord = SubmitRequest.Options(words: ["many"], then: ["tally"], readsInput: true)
        #expect(try self.request(chord, input: "{\"files\": []}\n").jobCount == 2)
        #expect(try self.request(chord).jobCount == 1)
    }

    @Test("a command keeps its words, and goes with neither a task nor a group")
    func command() throws {
        let request = try request(.init(command: ["ls", "-l", "{x}", ""]))
        #expect(request.elements == [.command(.init(argv: ["ls", "-l", "{x}", ""], line: 0))])
        #expect(refusal(.init(words: ["hash"], command: ["ls"])).contains("stands before --"))
        #expect(refusal(.init(command: ["ls"], each: ["a", "b"])).contains("go with a task"))
        #expect(refusal(.init(command: [""])).contains("name is empty"))
        #expect(refusal(.init()).contains("what is to be submitted?"))
    }

    @Test("the words behind -- survive the parser, whatever they look like")
    func rewriting() throws {
        let words = ["--each", "", "-h", "--", "a=b"]
        let command = try SubmitCommand.parse(
            Array(SubmitCommand.rewriting(["submit", "--wait", "--"] + words).dropFirst()))
        #expect(try command.options().command == words)
        #expect(command.wait)
        #expect(SubmitCommand.rewriting(["run", "--", "ls"]) == ["run", "--", "ls"])
    }

    @Test("records carry what the task says, and what the submitter says otherwise")
    func drafts() throws {
        let drafting = JobDrafting(
            configuration: try configuration(Self.tasks), directory: "/srv", after: WorkID(rawValue: 7))
        let plain = WorkflowFile.Element.task(.init(name: "hash", arguments: ["path": .text("a")], line: 0))
        let draft = try #require(drafting.draft(plain))
        #expect(draft.queue == "files")
        #expect(draft.priority == 5)
        #expect(draft.attemptsMax == 3)
        #expect(draft.lossesMax == 7)
        #expect(draft.onLost == .fail)
        #expect(draft.timeout == nil)
        #expect(draft.waitsForRecord == WorkID(rawValue: 7))
        #expect(String(decoding: draft.payload, as: UTF8.self) == #"{"arguments":{"path":"a"}}"#)
        let options = WorkflowFile.Options(
            key: "k", queue: "q", priority: -1, delay: .seconds(1), retries: 0, timeout: .seconds(9))
        let other = try #require(drafting.draft(.task(.init(name: "hash", options: options, line: 0))))
        #expect([other.queue, other.key?.text] == ["q", "k"])
        #expect([other.priority, other.attemptsMax] == [-1, 1])
        #expect([other.delay, other.timeout] == [.seconds(1), .seconds(9)])
        let command = try #require(drafting.draft(.command(.init(argv: ["ls"], line: 0))))
        #expect(command.kind == "command")
        #expect(String(decoding: command.payload, as: UTF8.self) == #"{"command":["ls"],"cwd":"/srv"}"#)
    }

    @Test("only what waits for nothing else of a workflow waits for the job before it")
    func after() async throws {
        let store = MemoryStore()
        let work = WorkClient(store)
        let first = try await work.enqueue(RecordDraft(kind: "tally")).id
        let flow = try workflow("chain: [{group: [{task: tally}, {command: [ls]}]}, {task: tally}]")
        let drafting = JobDrafting(configuration: nil, directory: "/", after: first)
        let ids = try await work.submit(drafting.workflow(flow.root))
        let records = try await work.records(ids)
        #expect(records.map(\.waitsForRecord) == [first, first, nil])
        #expect(flow.root.lastJobs == [2])
    }
}
