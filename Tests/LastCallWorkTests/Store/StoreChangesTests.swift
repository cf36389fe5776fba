import LastCallWork
import Testing

@Suite struct StoreChangesTests {
    @Test("what happened since somebody last asked is told at once")
    func gathered() async {
        let changes = StoreChanges()
        changes.raise(.work)
        changes.raise(.output)
        #expect(await changes.next() == [.work, .output])
        changes.raise(.ended)
        #expect(await changes.next() == .ended)
    }

    @Test("who waits is told when something happens")
    func waiting() async {
        let listeners = StoreListeners()
        let changes = listeners.add()
        async let heard = changes.next()
        listeners.raise(.cancel)
        #expect(await heard == .cancel)
    }

    @Test("everybody is told, and nobody of nothing")
    func everybody() async {
        let listeners = StoreListeners()
        let all = [listeners.add(), listeners.add()]
        listeners.raise([])
        listeners.raise(.death)
        for changes in all { #expect(await changes.next() == .death) }
    }

    @Test("the end comes after what happened before it, also to those who come late")
    func end() async {
        let listeners = StoreListeners()
        let early = listeners.add()
        listeners.raise(.work)
        listeners.finish()
        #expect(await early.next() == .work)
        #expect(await early.next() == nil)
        #expect(await listeners.add().next() == nil)
    }

    @Test("who waits is told of the end")
    func endWhileWaiting() async {
        let changes = StoreChanges()
        async let heard = changes.next()
        changes.finish()
        #expect(await heard == nil)
    }

    @Test("a cancelled task waits no longer, and takes nothing with it")
    func cancelled() async {
        let changes = StoreChanges()
        let heard = await withTaskGroup(of: StoreChange?.self) { group in
            group.addTask { await changes.next() }
            group.cancelAll()
            return await group.next()
        }
        #expect(heard == .some(nil))
        changes.raise(.work)
        #expect(await changes.next() == .work)
    }

    @Test("a listener that nobody keeps is forgotten")
    func forgotten() async {
        let listeners = StoreListeners()
        weak let gone = listeners.add()
        #expect(gone == nil)
        let kept = listeners.add()
        listeners.raise(.work)
        var heard: [StoreChange] = []
        listeners.finish()
        for await change in kept { heard.append(change) }
        #expect(heard == [.work])
    }
}
