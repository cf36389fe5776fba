import LastCallTesting
import NIOCore
import NIOHTTP1
import Testing

@testable import LastCallHTTP

@Suite struct ConnectionStateMachineTests {
    private static let times = ConnectionTimes(
        head: .seconds(10), body: .seconds(30), idle: .seconds(75), write: .seconds(60), linger: .milliseconds(100))

    private func at(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .milliseconds(milliseconds) }

    private func machine(_ phase: ServingPhase = .serving) -> HTTP1ConnectionStateMachine {
        HTTP1ConnectionStateMachine(times: Self.times, phase: phase, at: at(0))
    }

    /// Reads a whole request.
    private func request(_ machine: inout HTTP1ConnectionStateMachine, _ milliseconds: Int64) {
        #expect(machine.headArrived(at: at(milliseconds)) == .deliver)
        #expect(machine.endArrived(at: at(milliseconds)) == .deliver)
    }

    @Test("B10 while it serves no answer is changed, and the connection is kept")
    func serving() {
        var machine = machine()
        request(&machine, 1)
        #expect(machine.answerBegan(saysClose: false) == .asIs)
        #expect(machine.answerEnded(at: at(2)) == .none)
        #expect(machine.check(SocketState(), at: at(3)) == .checkAt(at(2 + 75_000)))
    }

    @Test("B10 the answer that is under way when the stop begins says close, and its end closes our half")
    func answerDuringTheStop() {
        var machine = machine()
        request(&machine, 1)
        _ = machine.entered(.draining, at: at(2))
        #expect(machine.answerBegan(saysClose: false) == .withClose)
        #expect(machine.answerEnded(at: at(3)) == .closeOutput(checkAt: at(3 + 60_000)))
        #expect(machine.headArrived(at: at(4)) == .drop)
        #expect(machine.outputClosed(at: at(5)) == .checkAt(at(105)))
        #expect(machine.check(SocketState(), at: at(104)) == .checkAt(at(105)))
        #expect(machine.check(SocketState(), at: at(105)) == .close)
    }

    @Test("B10 idle in lame duck stays open, and is closed a linger after the listener, never with unread bytes")
    func idle() {
        var machine = machine()
        #expect(machine.entered(.draining, at: at(1000)) == .checkAt(at(75_000)))
        #expect(machine.entered(.closingIdle, at: at(5000)) == .checkAt(at(5100)))
        #expect(machine.check(SocketState(), at: at(5099)) == .checkAt(at(5100)))
        #expect(machine.check(SocketState(hasUnread: true), at: at(5100)) == .checkAt(at(5101)))
        #expect(machine.check(SocketState(), at: at(5101)) == .closeOutput(checkAt: at(65_101)))
        #expect(machine.outputClosed(at: at(5102)) == .checkAt(at(5112)))
        #expect(machine.check(SocketState(), at: at(5112)) == .close)
    }

    @Test("S13 a connection that was never told keeps a whole linger after its last answer")
    func answeredBeforeItWasTold() {
        var machine = machine()
        request(&machine, 1)
        #expect(machine.answerBegan(saysClose: false) == .asIs)
        _ = machine.entered(.draining, at: at(2))
        #expect(machine.entered(.closingIdle, at: at(3)) == .checkAt(at(3 + 75_000)))
        #expect(machine.answerEnded(at: at(500)) == .checkAt(at(600)))
        #expect(machine.check(SocketState(), at: at(600)) == .closeOutput(checkAt: at(60_600)))
    }

    @Test("of pipelined requests the last answer says close")
    func pipelined() {
        var machine = machine()
        request(&machine, 1)
        request(&machine, 1)
        _ = machine.entered(.draining, at: at(2))
        #expect(machine.answerBegan(saysClose: false) == .asIs)
        #expect(machine.answerEnded(at: at(3)) == .none)
        #expect(machine.answerBegan(saysClose: false) == .withClose)
        #expect(machine.answerEnded(at: at(4)) == .closeOutput(checkAt: at(4 + 60_000)))
    }

    @Test("half a head holds the connection until its time is over, then it is answered 408")
    func slowHead() {
        var machine = machine()
        machine.bytesArrived(at: at(10))
        _ = machine.entered(.closingIdle, at: at(20))
        #expect(machine.check(SocketState(), at: at(9000)) == .checkAt(at(10_010)))
        #expect(
            machine.check(SocketState(), at: at(10_010)) == .refuse(.requestTimeout, checkAt: at(70_010)))
        #expect(machine.headArrived(at: at(10_020)) == .drop)
    }

    @Test("a body that the application does not read is not the client's silence")
    func slowApplication() {
        var machine = machine()
        #expect(machine.headArrived(at: at(1)) == .deliver)
        #expect(machine.bodyArrived(at: at(2)) == .deliver)
        #expect(machine.check(SocketState(hasUnread: true), at: at(40_000)) == .checkAt(at(70_000)))
        #expect(machine.check(SocketState(), at: at(70_000)) == .refuse(.requestTimeout, checkAt: at(130_000)))
    }

    @Test("a TLS handshake is no request")
    func handshake() {
        var machine = machine()
        machine.bytesArrived(at: at(1))
        machine.handshakeEnded(at: at(5))
        #expect(machine.entered(.closingIdle, at: at(6)) == .checkAt(at(106)))
    }

    @Test("a client that takes nothing of an answer is closed after its time, answered or not")
    func stuck() {
        for isAnswered in [false, true] {
            var machine = machine()
            request(&machine, 1)
            _ = machine.answerBegan(saysClose: false)
            machine.writable(false, at: at(10))
            if isAnswered { _ = machine.answerEnded(at: at(11)) }
            let stuck = SocketState(unsent: 1000)
            // The first look says how much there is.
            #expect(machine.check(stuck, at: at(15_000)) == .checkAt(at(30_000)))
            #expect(machine.check(stuck, at: at(74_999)) == .checkAt(at(75_000)))
            #expect(machine.check(stuck, at: at(75_000)) == .close)
        }
    }

    @Test("an answer that is not taken holds an idle connection no longer than its time")
    func stuckWhileIdle() {
        var machine = machine()
        request(&machine, 1)
        _ = machine.answerBegan(saysClose: false)
        _ = machine.answerEnded(at: at(2))
        _ = machine.entered(.closingIdle, at: at(1000))
        let stuck = SocketState(unsent: 1000)
        #expect(machine.check(stuck, at: at(1100)) == .checkAt(at(1110)))
        #expect(machine.check(stuck, at: at(9100)) == .checkAt(at(9350)))
        #expect(machine.check(stuck, at: at(61_100)) == .close)
    }

    @Test(
        "a client that takes some of an answer, however slowly, keeps its connection: an answer on its way is not idle")
    func slowReader() {
        var machine = machine()
        request(&machine, 1)
        _ = machine.answerBegan(saysClose: false)
        machine.writable(false, at: at(10))
        var now: Int64 = 10
        for left in stride(from: 100, to: 0, by: -10) {
            now += 50_000
            #expect(machine.check(SocketState(unsent: left * 1000 + 1), at: at(now)) != .close)
        }
        // Written whole, but not taken: neither an idle timeout nor a stop closes it.
        _ = machine.answerEnded(at: at(now))
        machine.writable(true, at: at(now))
        _ = machine.entered(.closingIdle, at: at(now))
        now += 100
        #expect(machine.check(SocketState(unsent: 500), at: at(now)) == .checkAt(at(now + 10)))
        #expect(machine.check(SocketState(), at: at(now + 10)) == .closeOutput(checkAt: at(now + 60_010)))
    }

    @Test("cut in the middle of a request the client is told 503, in the middle of an answer it is not")
    func cut() {
        var waiting = machine()
        request(&waiting, 1)
        #expect(waiting.cut(at: at(2)) == .refuse(.serviceUnavailable, checkAt: at(60_002)))
        var answering = machine()
        request(&answering, 1)
        _ = answering.answerBegan(saysClose: false)
        #expect(answering.cut(at: at(2)) == .close)
        var idle = machine()
        #expect(idle.cut(at: at(2)) == .close)
    }

    @Test("under any order of events no request is delivered after close was said, and a stopped connection ends")
    func anyOrder() {
        for seed in UInt64(1)...2000 {
            var random = SeededGenerator(seed: seed)
            var machine = machine(.serving)
            var now: Int64 = 0
            var (open, saidClose, isAnswering, isClosed, isReading) = (0, false, false, false, false)
            func note(_ action: HTTP1ConnectionStateMachine.Action) {
                switch action {
                case .closeOutput, .refuse: _ = machine.outputClosed(at: at(now))
                case .close:
                    machine.closed()
                    isClosed = true
                case .none, .checkAt: break
                }
            }
            for step in 0..<60 {
                now += Int64.random(in: 0...50, using: &random)
                switch Int.random(in: 0...7, using: &random) {
                case 0 where !isReading:
                    let action = machine.headArrived(at: at(now))
                    #expect(!(saidClose && action == .deliver), "seed \(seed), step \(step)")
                    if action == .deliver { (open, isReading) = (open + 1, true) }
                case 1 where isReading:
                    _ = machine.endArrived(at: at(now))
                    isReading = false
                case 2 where open > 0 && !isAnswering && !saidClose:
                    let isLast = open == 1
                    let action = machine.answerBegan(saysClose: false)
                    if action == .withClose {
                        #expect(isLast, "seed \(seed), step \(step)")
                        saidClose = true
                    }
                    isAnswering = true
                case 3 where isAnswering:
                    isAnswering = false
                    open -= 1
                    note(machine.answerEnded(at: at(now)))
                case 4: note(machine.entered(.draining, at: at(now)))
                case 5 where step > 30: note(machine.entered(.closingIdle, at: at(now)))
                case 6: machine.bytesArrived(at: at(now))
                default: note(machine.check(SocketState(), at: at(now)))
                }
            }
            // Whatever state it is in: stopped, and with its answers given, it ends within its times.
            note(machine.entered(.closingIdle, at: at(now)))
            while machine.pending > 0 && !isClosed {
                _ = machine.answerBegan(saysClose: false)
                note(machine.answerEnded(at: at(now)))
            }
            for _ in 0..<6 where !isClosed {
                now += 31_000
                note(machine.check(SocketState(), at: at(now)))
            }
            #expect(isClosed, "seed \(seed)")
        }
    }

    @Test("a client that says that a request is its last one is told close, and nothing behind it is read")
    func lastRequest() {
        var machine = machine()
        #expect(machine.headArrived(isLast: true, at: at(1)) == .deliver)
        #expect(machine.endArrived(at: at(1)) == .deliver)
        #expect(machine.headArrived(at: at(1)) == .drop)
        #expect(machine.answerBegan(saysClose: false) == .withClose)
        #expect(machine.answerEnded(at: at(2)) == .closeOutput(checkAt: at(60_002)))
    }

    @Test("an application that says close while it serves is taken at its word")
    func applicationCloses() {
        var machine = machine()
        request(&machine, 1)
        #expect(machine.answerBegan(saysClose: true) == .asIs)
        #expect(machine.answerEnded(at: at(2)) == .closeOutput(checkAt: at(60_002)))
    }

    @Test("a TLS handshake that stalls is closed and not answered") func stalledHandshake() {
        var machine = HTTP1ConnectionStateMachine(
            times: Self.times, phase: .serving, isHandshaking: true, at: at(0))
        machine.bytesArrived(at: at(5))
        #expect(machine.check(SocketState(), at: at(10_004)) == .checkAt(at(10_005)))
        #expect(machine.check(SocketState(), at: at(10_005)) == .close)
    }

    // MARK: The end

    @Test("who is refused while it sends has two seconds of silence, thirty seconds in all, and less during a stop")
    func lingering() {
        var refused = ClosingStateMachine(times: Self.times, at: at(0))
        refused.outputClosed(at: at(0))
        #expect(refused.check(SocketState(), isStopping: false, at: at(0)) == .checkAt(at(2000)))
        for second in stride(from: Int64(1000), through: 29_000, by: 1000) {
            refused.heard(at: at(second))
            #expect(
                refused.check(SocketState(), isStopping: false, at: at(second))
                    == .checkAt(at(min(second + 2000, 30_000))))
        }
        #expect(refused.check(SocketState(), isStopping: false, at: at(30_000)) == .close)
        var stopping = ClosingStateMachine(times: Self.times, at: at(0))
        stopping.outputClosed(at: at(0))
        #expect(stopping.check(SocketState(), isStopping: true, at: at(0)) == .checkAt(at(100)))
        stopping.heard(at: at(1950))
        #expect(stopping.check(SocketState(), isStopping: true, at: at(1950)) == .checkAt(at(2000)))
        #expect(stopping.check(SocketState(), isStopping: true, at: at(2000)) == .close)
    }

    @Test("B10 what the client has not confirmed holds the connection while it takes some of it")
    func unconfirmed() {
        var machine = ClosingStateMachine(times: Self.times, at: at(0))
        machine.outputClosed(at: at(0))
        var now: Int64 = 0
        for left in stride(from: 500, to: 0, by: -100) {
            now += 50_000
            #expect(
                machine.check(SocketState(unsent: left), isStopping: true, at: at(now)) == .checkAt(at(now + 10)))
        }
        #expect(machine.check(SocketState(unsent: 100), isStopping: true, at: at(now + 60_000)) == .close)
        #expect(machine.check(SocketState(), isStopping: true, at: at(now + 60_000)) == .close)
    }

    // MARK: HTTP/2

    private func http2(_ phase: ServingPhase = .serving) -> HTTP2ConnectionStateMachine {
        HTTP2ConnectionStateMachine(times: Self.times, phase: phase, at: at(0))
    }

    @Test("B11 a connection is told to go away at once; without streams it is closed a linger after the listener")
    func http2Idle() {
        var machine = http2()
        #expect(machine.streamOpened(at: at(1)) == .none)
        #expect(machine.streamClosed(at: at(5)) == .none)
        #expect(machine.entered(.draining, at: at(10)) == .goAway(checkAt: at(1010)))
        #expect(machine.entered(.draining, at: at(11)) == .none)
        #expect(machine.entered(.closingIdle, at: at(20)) == .checkAt(at(120)))
        #expect(machine.check(SocketState(), at: at(119)) == .checkAt(at(120)))
        #expect(machine.check(SocketState(), at: at(120)) == .closeOutput(checkAt: at(60_120)))
        #expect(machine.outputClosed(at: at(121)) == .checkAt(at(131)))
        #expect(machine.check(SocketState(unsent: 10), at: at(131)) == .checkAt(at(141)))
        #expect(machine.check(SocketState(), at: at(141)) == .close)
    }

    @Test("B11 streams finish, and the connection lingers after the last one")
    func http2Streams() {
        var machine = http2()
        _ = machine.streamOpened(at: at(1))
        _ = machine.streamOpened(at: at(1))
        #expect(machine.entered(.closingIdle, at: at(10)) == .goAway(checkAt: at(1010)))
        #expect(machine.check(SocketState(), at: at(110)) == .checkAt(at(1010)))
        #expect(machine.streamClosed(at: at(500)) == .checkAt(at(1010)))
        #expect(machine.streamClosed(at: at(600)) == .checkAt(at(700)))
        #expect(machine.check(SocketState(), at: at(700)) == .closeOutput(checkAt: at(60_700)))
    }

    @Test("B11 a client that does not answer the PING is told its last stream a second later, and then closed")
    func http2Silent() {
        var machine = http2()
        _ = machine.streamOpened(at: at(1))
        #expect(machine.entered(.draining, at: at(10)) == .goAway(checkAt: at(1010)))
        #expect(machine.check(SocketState(), at: at(1010)) == .lastGoAway(checkAt: at(61_010)))
        #expect(machine.streamClosed(at: at(2000)) == .none)
        #expect(machine.check(SocketState(), at: at(2000)) == .closeOutput(checkAt: at(62_000)))
    }

    @Test("an idle HTTP/2 connection is told to go away, and closed where it does not answer")
    func http2IdleWhileServing() {
        var machine = http2()
        #expect(machine.check(SocketState(), at: at(74_999)) == .none)
        #expect(machine.check(SocketState(), at: at(75_000)) == .goAway(checkAt: at(76_000)))
        #expect(machine.check(SocketState(), at: at(76_000)) == .lastGoAway(checkAt: at(76_000)))
        #expect(machine.check(SocketState(), at: at(76_000)) == .closeOutput(checkAt: at(136_000)))
        #expect(machine.outputClosed(at: at(76_001)) == .checkAt(at(78_001)))
    }

    @Test("an HTTP/2 client that takes nothing is closed after its time")
    func http2Stuck() {
        var machine = http2()
        _ = machine.streamOpened(at: at(1))
        #expect(machine.writable(false, at: at(10)) == .checkAt(at(15_010)))
        #expect(machine.check(SocketState(unsent: 100), at: at(15_010)) == .checkAt(at(75_010)))
        #expect(machine.check(SocketState(unsent: 50), at: at(60_000)) == .checkAt(at(120_000)))
        #expect(machine.check(SocketState(unsent: 50), at: at(120_000)) == .close)
    }

    @Test("B11 who connects during the lame duck gets his answer, and the GOAWAY with it")
    func http2LameDuck() {
        var machine = http2(.draining)
        #expect(machine.check(SocketState(), at: at(1)) == .none)
        #expect(machine.streamOpened(at: at(2)) == .goAway(checkAt: at(1002)))
        #expect(machine.streamOpened(at: at(3)) == .checkAt(at(1002)))
    }

    // MARK: The accept queue

    @Test("B10 a listener is closed once its queue was empty for ten milliseconds")
    func emptyQueue() {
        var machine = AcceptQueueStateMachine(isRefusing: true, at: .zero)
        let step = AcceptQueueStateMachine.Action.lookAgain(after: .milliseconds(1))
        #expect(machine.observed(.init(queued: 3, accepted: 10), at: .zero) == step)
        #expect(machine.observed(.init(queued: 0, accepted: 13), at: .milliseconds(1)) == step)
        #expect(machine.observed(.init(queued: 0, accepted: 13), at: .milliseconds(2)) == step)
        // A handshake that was under way comes in.
        #expect(machine.observed(.init(queued: 0, accepted: 14), at: .milliseconds(11)) == step)
        #expect(machine.observed(.init(queued: 0, accepted: 14), at: .milliseconds(12)) == step)
        #expect(machine.observed(.init(queued: 0, accepted: 14), at: .milliseconds(21)) == step)
        #expect(machine.observed(.init(queued: 0, accepted: 14), at: .milliseconds(22)) == .close(lost: 0))
    }

    @Test(
        "B10 where new connections cannot be kept out, the first empty moment is taken, and a flood is given up and counted"
    )
    func floodedQueue() {
        var machine = AcceptQueueStateMachine(isRefusing: false, at: .zero)
        #expect(
            machine.observed(.init(queued: 2, accepted: 0), at: .zero) == .lookAgain(after: .milliseconds(1)))
        #expect(machine.observed(.init(queued: 0, accepted: 2), at: .milliseconds(1)) == .close(lost: 0))
        var flooded = AcceptQueueStateMachine(isRefusing: true, at: .zero)
        #expect(
            flooded.observed(.init(queued: 9, accepted: 0), at: .milliseconds(1999))
                == .lookAgain(after: .milliseconds(1)))
        #expect(flooded.observed(.init(queued: 9, accepted: 5), at: .seconds(2)) == .close(lost: 9))
    }
}
