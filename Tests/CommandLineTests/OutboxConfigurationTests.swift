import LastCall
import LastCallWork
import Testing

@testable import lastcall

/// Schedules, transports and notifications of a configuration.
@Suite struct OutboxConfigurationTests {
    /// A configuration with everything.
    private static let whole = """
        outbox:
          chat: {type: slack, tokenEnv: SLACK_TOKEN, rate: 30/m, givesUpAfter: 1h, timeout: 5s}
          file: {type: slack, tokenFile: slack.token, url: "http://127.0.0.1:1/api"}
          hooks:
            type: http
            endpoints: {a: "https://a.example/x", b: {url: "http://b.example"}, c: {urlEnv: C_URL, authorizationEnv: C_AUTH}, d: {urlFile: d.url, authorizationFile: d.auth}}
        schedules:
          often: {every: 30m, task: t, overlap: queue, missed: all, jitter: 5s}
          nightly: {cron: "30 2 * * *", zone: UTC, task: u, arguments: {x: 1}}
        tasks:
          t: {command: [a], notify: {through: chat, to: C1, on: [failed, partial]}}
          u: {command: [a, "{x}"], notify: {through: hooks, to: c, on: failed}}
        """

    @Test("schedules, transports and notifications are read as they are written") func reads() throws {
        let configuration = try configuration(Self.whole)
        let chat = try #require(configuration.outbox["chat"])
        #expect(chat.kind == .slack)
        #expect(chat.token == .variable("SLACK_TOKEN"))
        #expect(chat.spacing == .seconds(2))
        #expect(chat.givesUpAfter == .seconds(3600))
        #expect(chat.timeout == .seconds(5))
        #expect(configuration.outbox["file"]?.token == .file("/work/slack.token"))
        #expect(configuration.outbox["file"]?.url == "http://127.0.0.1:1/api")
        #expect(
            configuration.outbox["hooks"]?.endpoints == [
                "a": .init(address: .text("https://a.example/x")), "b": .init(address: .text("http://b.example")),
                "c": .init(address: .variable("C_URL"), authorization: .variable("C_AUTH")),
                "d": .init(address: .file("/work/d.url"), authorization: .file("/work/d.auth")),
            ])
        let often = try #require(configuration.schedules["often"])
        #expect(often.recurrence == .every(.seconds(1800)))
        #expect(often.overlap == .queue)
        #expect(often.missed == .all)
        #expect(often.jitter == .seconds(5))
        #expect(configuration.schedules["nightly"]?.recurrence == .cron(try Cron("30 2 * * *")))
        #expect(configuration.schedules["nightly"]?.call.arguments == ["x": .text("1")])
        #expect(
            configuration.tasks["t"]?.notify == NotifyDefinition(through: "chat", to: "C1", on: [.failed, .partial]))
        #expect(configuration.tasks["u"]?.notify?.on == [.failed])
    }

    @Test(
        "every mistake is told with its key and what to write",
        arguments: [
            ("schedules: {a: {cron: \"61 * * * *\", task: t}}", "schedules.a.cron: the minute \"61\""),
            ("schedules: {a: {cron: \"* * *\", task: t}}", "schedules.a.cron:"),
            ("schedules: {a: {cron: \"0 0 30 2 *\", task: t}}", "schedules.a.cron:"),
            (
                "schedules: {a: {cron: \"0 0 * * *\", zone: Nowhere/Land, task: t}}",
                "schedules.a.zone: there is no time zone"
            ),
            ("schedules: {a: {every: 0s, task: t}}", "schedules.a.every: \"0s\" is too short"),
            ("schedules: {a: {every: 500ms, task: t}}", "schedules.a.every: \"500ms\" is too short; write 1s or more"),
            ("schedules: {a: {task: t}}", "schedules.a: says not when it is due"),
            ("schedules: {a: {every: 5s, cron: \"0 0 * * *\", task: t}}", "schedules.a.cron: stands beside every"),
            ("schedules: {a: {every: 5s, zone: UTC, task: t}}", "schedules.a.zone: goes with cron"),
            ("schedules: {a: {every: 5s}}", "schedules.a: has no task"),
            ("schedules: {a: {every: 5s, task: tt}}", "is no task of lastcall.yml"),
            ("schedules: {a: {every: 5s, task: t, arguments: {y: 1}}}", "y"),
            ("schedules: {a: {every: 5s, task: t, overlap: skipp}}", "write skip"),
            ("schedules: {a: {evry: 5s, task: t}}", "schedules.a.evry: is no key of a schedule; write every"),
            ("outbox: {a: {}}", "outbox.a: has no type"), ("outbox: {a: {type: slak}}", "write slack"),
            ("outbox: {a: {type: slack}}", "outbox.a: has no token"),
            ("outbox: {a: {type: slack, tokenEnv: A, tokenFile: b}}", "outbox.a.tokenFile: stands beside tokenEnv"),
            (
                "outbox: {a: {type: slack, tokenEnv: A, endpoints: {}}}",
                "outbox.a.endpoints: does not go with type: slack"
            ),
            ("outbox: {a: {type: http}}", "outbox.a: has no endpoints"),
            ("outbox: {a: {type: http, endpoints: {}}}", "outbox.a.endpoints: is empty"),
            ("outbox: {a: {type: http, endpoints: {b: {}}}}", "needs one of url, urlEnv, urlFile"),
            (
                "outbox: {a: {type: http, endpoints: {b: {authorizationEnv: C}}}}", "needs one of url, urlEnv, urlFile"
            ),
            (
                "outbox: {a: {type: http, endpoints: {b: {urlEnv: A, authorizationEnv: C, authorizationFile: d}}}}",
                "outbox.a.endpoints.b.authorizationFile: stands beside authorizationEnv; write one of them"
            ),
            ("outbox: {a: {type: http, tokenEnv: A, endpoints: {b: \"http://b\"}}}", "does not go with type: http"),
            ("outbox: {a: {type: slack, tokenEnv: A, rate: fast}}", "outbox.a.rate: \"fast\" is no rate"),
            ("outbox: {a: {type: slack, tokenEnv: A, rate: 5000/s}}", "at most 1000/s"),
            ("outbox: {a: {type: slack, tokenEnv: A, rate: 0/s}}", "is no rate"),
            (
                "outbox: {a: {type: slack, tokenEnv: A}}\ntasks: {t: {command: [a], notify: {through: a, to: general}}}",
                "tasks.t.notify: goes to \"general\", where Slack has nobody: a destination of Slack is #name"
            ),
            ("tasks: {t: {command: [a], notify: {through: nobody, to: x}}}", "tasks.t.notify: goes through \"nobody\""),
            ("tasks: {t: {command: [a], notify: {to: x}}}", "tasks.t.notify: needs through and to"),
            (
                "outbox: {a: {type: http, endpoints: {b: \"http://b\"}}}\ntasks: {t: {command: [a], notify: {through: a, to: c}}}",
                "no endpoint of a; it has b"
            ),
            (
                "outbox: {a: {type: http, endpoints: {b: \"http://b\"}}}\ntasks: {t: {command: [a], notify: {through: a, to: b, on: []}}}",
                "is an empty list"
            ),
        ])
    func mistakes(text: String, words: String) {
        let whole = text.contains("tasks:") ? text : "\(text)\ntasks: {t: {command: [a]}}"
        let found = errors { () throws(ConfigurationErrors) in try configuration(whole) }
        #expect(found.contains { $0.contains(words) }, "\(found)")
    }

    @Test("P22d an address or a token that stands where a name belongs is not shown") func secrets() {
        let texts = [
            "outbox: {a: {type: slack, tokenEnv: \"xoxb-secret-1\"}}",
            "outbox: {a: {type: http, endpoints: {b: \"ftp://secret.example\"}}}",
            "outbox: {a: {type: http, endpoints: {b: {urlEnv: \"https://secret.example\"}}}}",
        ]
        for text in texts {
            let found = errors { () throws(ConfigurationErrors) in try configuration(text) }
            #expect(!found.isEmpty)
            #expect(found.allSatisfy { !$0.contains("secret") }, "\(found)")
        }
    }

    @Test("a notification stands beside the outermost element of a workflow, whatever that is") func workflowNotify()
        throws
    {
        let configuration = try configuration(Self.whole)
        for root in ["task: t", "command: [a]", "chain: [{task: t}]", "group: [{task: t}]"] {
            let flow = try workflow("\(root)\nnotify: {through: chat, to: C1}")
            #expect(flow.notify == NotifyDefinition(through: "chat", to: "C1"))
            #expect(errors { () throws(ConfigurationErrors) in try flow.validate(with: configuration) } == [])
            let wrong = try workflow("\(root)\nnotify: {through: chatt, to: C1}")
            let found = errors { () throws(ConfigurationErrors) in try wrong.validate(with: configuration) }
            #expect(found.contains { $0.contains("write chat") }, "\(found)")
        }
        let inside = errors { () throws(ConfigurationErrors) in
            try workflow("chain: [{task: t, notify: {through: chat, to: C1}}]")
        }
        #expect(inside.contains { $0.contains("stands inside") }, "\(inside)")
    }

    @Test("what is told of an end: one sentence, the worst of several") func words() {
        func record(_ id: Int64, _ state: WorkState, _ detail: String? = nil) -> WorkRecord {
            WorkRecord(
                id: WorkID(rawValue: id), kind: "hash", queue: "default", priority: 0, state: state, detail: detail,
                payload: [], attempt: 1, attemptsMax: 1, losses: 0, evictions: 0, epoch: 1,
                workflow: WorkID(rawValue: 1),
                cancelRequested: false, lineCount: 0, acceptedAt: WorkInstant(rawValue: 0))
        }
        func text(_ jobs: [WorkRecord]) -> String {
            Notification.body(of: jobs, jobs[0], "hash", Notification.outcome(of: jobs.map(\.state))).text
        }
        #expect(text([record(1, .succeeded)]) == "hash is complete (job 1)")
        #expect(text([record(1, .failed, "exit code 3\nmore")]) == "hash failed (job 1): exit code 3")
        #expect(text([record(1, .dead, "abandoned")]) == "hash was given up (job 1): abandoned")
        #expect(
            text([record(1, .succeeded), record(2, .partial, "cut"), record(3, .failed, "exit code 1")])
                == "hash ended failed: 1 failed, 1 partial, 1 succeeded of 3 jobs (the first is job 1); job 3 hash: exit code 1"
        )
        #expect(Notification.outcome(of: [.succeeded, .partial]) == .partial)
        #expect(Notification.outcome(of: [.succeeded, .cancelled]) == .failed)
        // Somebody was faster than the message.
        #expect(Notification.outcome(of: [.running]) == .failed)
        #expect(text([record(1, .ready)]) == "hash was over, and somebody lets it run again (job 1)")
        #expect(text([record(1, .failed, String(repeating: "x", count: 999))]).count < 350)
    }
}
