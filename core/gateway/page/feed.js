// feed.js: the journal by server-sent events, each record once, across losses of the connection.

const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const HIDDEN_MS = 60_000; // a browser has six connections per host: a page nobody looks at lets go

export class Feed {
  // tell: {record(event), live(), lost(), gone(error)}
  constructor(session, tell) {
    this.session = session;
    this.tell = tell;
    this.next = 1;
    this.tries = 0;
    this.source = null;
    this.timer = 0;
    this.closed = false;
    this.watch = () => this.seen();
    document.addEventListener("visibilitychange", this.watch);
    this.open();
  }

  open() {
    clearTimeout(this.timer);
    const query = new URLSearchParams({ session: this.session, from: String(this.next) });
    const source = new EventSource("events?" + query);
    this.source = source;
    source.onopen = () => {
      this.tries = 0;
      this.tell.live();
    };
    source.onmessage = (e) => {
      const event = JSON.parse(e.data);
      if (!(event.seq >= this.next)) return;
      this.next = event.seq + 1;
      this.tell.record(event);
    };
    source.addEventListener("gone", (e) => {
      this.tell.gone(JSON.parse(e.data));
      this.again();
    });
    source.onerror = () => {
      if (this.source !== source) return;
      this.tell.lost();
      this.again();
    };
  }

  again() {
    this.source?.close();
    this.source = null;
    if (this.closed || document.hidden) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
  }

  seen() {
    clearTimeout(this.timer);
    if (document.hidden) {
      this.timer = setTimeout(() => {
        this.source?.close();
        this.source = null;
      }, HIDDEN_MS);
    } else if (!this.source && !this.closed) {
      this.open();
    }
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.watch);
    this.source?.close();
    this.source = null;
  }
}
