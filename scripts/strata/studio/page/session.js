// The scene that is open, and the edits of it that are not saved. The file is the only truth: what is here is asked of the server.

import { Refusal, getJson, postJson } from "./api.js";
import { parseJson, writeJson } from "./json.js";
import { differences, isSame, keyOf, valueAt, withValue } from "./paths.js";

const PATIENCE = 90; // milliseconds after the last change until the server is asked for its price
const MOST_STEPS = 200; // that can be undone

const samePath = (one, other) => isSame(one, other);

/**
 * Whether an edit may decide what a path holds: it is of the path, of what that lies in or holds, of a layer as a whole, or of the
 * preset, which other defaults come with.
 */
function affects(edit, path) {
  if (!edit.path) return !["restack", "move"].includes(edit.kind);
  const shorter = Math.min(edit.path.length, path.length);
  return edit.path[0] === "preset" || samePath(edit.path.slice(0, shorter), path.slice(0, shorter));
}

class Session extends EventTarget {
  scenes = [""];
  schemas = null;
  name = "";
  saved = null; // the view of the scene as it is saved
  view = null; // with the edits, as the server last told
  scene = null; // the effective scene with the edits, at once
  edits = [];
  wrong = []; // what is wrong with the edits
  fileWrong = null; // what is wrong with the file as it is saved
  buildWrong = []; // what the latest build found wrong
  conflict = null; // {keys, clash}: the file was changed since the edits were made
  pricing = false;
  saving = false;
  #undone = [];
  #done = [];
  #asked = 0;
  #reads = 0; // of the file: how many were asked for
  #shown = 0; // and which of them was shown last
  #missed = null; // versions that were told of while the file was written
  #timer = null;
  #lastSave = Promise.resolve();

  /** Opens a scene; edits of it that this tab holds come back. */
  async open(name) {
    await this.#lastSave; // it is about the scene that was open until now
    this.name = name;
    this.saved = this.view = this.scene = this.conflict = null;
    this.edits = [];
    this.#forgetQuestions();
    this.#done = [];
    this.#undone = [];
    this.fileWrong = null;
    this.buildWrong = [];
    this.wrong = [];
    this.schemas ??= await getJson("/api/schemas");
    const held = this.#recall();
    await this.reload();
    if (held?.edits.length) {
      if (this.saved && held.version !== this.saved.version) this.conflict = { keys: [], clash: false, old: true };
      this.#replace(held.edits);
    }
  }

  /** Reads the scene's file again, and lays the edits over it. An answer that a later one has overtaken is left out. */
  async reload() {
    const name = this.name;
    const turn = ++this.#reads;
    const isLate = () => name !== this.name || turn < this.#shown;
    try {
      const { scenes, view } = await getJson("/api/scene", { scene: name });
      if (isLate()) return;
      this.#shown = turn;
      this.scenes = scenes;
      this.saved = view;
      this.fileWrong = null;
      if (!this.edits.length) {
        this.view = view;
        this.scene = view.effective;
        this.wrong = [];
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (isLate()) return;
      this.#shown = turn;
      this.fileWrong = { error: error.message, key: error.key };
    }
    if (this.edits.length) await this.#ask();
    else this.#tell();
  }

  /**
   * Files were changed: by an editor, another tab, or this page's own save.
   *
   * @param versions of all scenes' files, by the scene's name
   */
  async follow(versions) {
    if (this.saving) {
      this.#missed = versions;
      return;
    }
    const version = versions[this.name];
    const beneath = this.name ? versions[""] : null;
    const names = Object.keys(versions).sort();
    const same = this.saved && !this.fileWrong && version === this.saved.version;
    if (same && beneath === this.saved.beneath && isSame(names, [...this.scenes].sort())) return;
    if (!this.saved) return this.reload();
    const before = this.saved.effective;
    const edited = this.edits.length > 0;
    await this.reload();
    if (edited && !this.fileWrong && this.saved.version === version) {
      const keys = differences(before, this.saved.effective);
      const mine = this.edits.map((edit) => this.nameOf(edit));
      const clash = keys.filter((key) => mine.some((own) => own.startsWith(key) || key.startsWith(own.replace(/\[\d+\].*/, ""))));
      this.conflict = { keys, clash: clash.length > 0, old: false };
      this.#tell();
    }
  }

  /** The conflict was seen: the edits stay, on top of the file as it is now. */
  acknowledge() {
    this.conflict = null;
    this.#tell();
  }

  valueAt(path) {
    return this.scene ? valueAt(this.scene, path) : undefined;
  }

  /** Whether the scene's own file gives a value, and it is no default. */
  isOwn(path) {
    return this.view ? valueAt(this.view.own, path) !== undefined : false;
  }

  /** The sentence about a value, if it is wrong. */
  wrongAt(path) {
    const key = keyOf(path, this.scene);
    return [...this.allWrong, ...this.buildWrong].find((wrong) => wrong.key === key)?.error;
  }

  /** What is wrong with the file or the edits: nothing can be saved or built before it is put right. */
  get allWrong() {
    return this.fileWrong && !this.edits.length ? [this.fileWrong, ...this.wrong] : this.wrong;
  }

  /** Whether the edits are known to be such that they cannot be saved. Until their answer is there, they may be sent. */
  get isRefused() {
    return (!this.pricing && this.allWrong.length > 0) || this.conflict?.clash === true;
  }

  /** The latest build has ended, or another one begins. */
  learn(wrong) {
    if (isSame(wrong, this.buildWrong)) return;
    this.buildWrong = wrong;
    this.#tell();
  }

  /** What an edit is about, as sentences write it. */
  nameOf(edit) {
    if (edit.path) return keyOf(edit.path, null);
    if (edit.kind === "restack") return `composite.layers.${edit.layer}`;
    return `${edit.section ?? "subjects"}.${edit.name}`;
  }

  /** Sets a value. Of several in a row the last one counts. */
  set(path, value) {
    this.#put({ kind: "set", path, value });
    if (this.scene) this.scene = withValue(this.scene, path, value);
    this.#tell("value");
  }

  /** Sets a value that is written as YAML. */
  setYaml(path, yaml) {
    this.#put({ kind: "set", path, yaml });
    this.#tell("value");
  }

  /** What was written as YAML and is not saved; undefined where a value is no such edit. */
  yamlAt(path) {
    return this.edits.findLast((edit) => edit.path && samePath(edit.path, path))?.yaml;
  }

  /** Lets the default hold again, or what lies beneath. */
  takeAway(path) {
    const rest = this.edits.filter((edit) => !(edit.path && samePath(edit.path, path)));
    const saved = this.saved && valueAt(this.saved.own, path) !== undefined;
    const given = saved || rest.some((edit) => affects(edit, path));
    this.#change(given ? [...rest, { kind: "take_away", path }] : rest);
  }

  /** Any other edit, or several. */
  add(...edits) {
    this.#change([...this.edits, ...edits]);
  }

  remove(index) {
    this.#change(this.edits.filter((_, other) => other !== index));
  }

  discard() {
    if (this.edits.length) this.#change([]);
  }

  get canUndo() {
    return this.#done.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  undo() {
    if (!this.#done.length) return;
    this.#undone.push(this.edits);
    this.#replace(this.#done.pop());
  }

  redo() {
    if (!this.#undone.length) return;
    this.#done.push(this.edits);
    this.#replace(this.#undone.pop());
  }

  /**
   * Writes the edits into the file, after another save that is under way: it makes the version that this one is of.
   *
   * @param next done as soon as they are there, while the page learns what they made of the scene
   * @returns whether they are there
   */
  save(next = async () => {}) {
    const turn = this.#lastSave.then(() => this.#save(next));
    this.#lastSave = turn.catch(() => {}); // whoever asked for it says so
    return turn;
  }

  async #save(next) {
    if (!this.edits.length) {
      await next();
      return true;
    }
    if (this.conflict?.clash) return false;
    const saved = this.edits;
    this.saving = true;
    this.#missed = null;
    try {
      const { version } = await postJson("/api/save", { scene: this.name, version: this.saved.version, edits: saved });
      this.edits = this.edits.filter((edit) => !saved.includes(edit)); // what was changed meanwhile stays
      this.#done = [];
      this.#undone = [];
      this.conflict = null;
      this.saved = { ...this.saved, version };
      this.#remember();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.status === 409) {
        this.saving = false;
        const before = this.saved.effective;
        await this.reload();
        this.conflict = { keys: this.saved ? differences(before, this.saved.effective) : [], clash: true, old: false };
      } else {
        this.wrong = [{ error: error.message, key: error.key }];
      }
      this.#tell();
      return false;
    } finally {
      this.saving = false;
    }
    await Promise.all([next(), this.reload()]);
    // What else changed while the file was written is looked at now: nobody tells of it again.
    const missed = this.#missed;
    this.#missed = null;
    if (missed) await this.follow(missed);
    return true;
  }

  #put(edit) {
    // An earlier edit of the same value gives way where it stands, unless a later one decides on that value, too.
    const index = this.edits.findLastIndex((other) => affects(other, edit.path));
    const replaces = this.edits[index]?.kind === "set" && samePath(this.edits[index].path, edit.path);
    const edits = replaces ? this.edits.with(index, edit) : [...this.edits, edit];
    const rest = edits.filter((other) => other !== edit);
    // While a slider moves, what can be undone is where it was before.
    if (!replaces || index !== edits.length - 1 || this.canRedo) this.#keep();
    this.edits = this.#changesNothing(edit, rest) ? rest : edits;
    this.#remember();
    this.#later();
  }

  /** Whether a value is the saved one, and neither another edit nor a save that is under way makes it differ. */
  #changesNothing(edit, rest) {
    if (!("value" in edit) || !this.saved || this.saving || rest.some((other) => affects(other, edit.path))) return false;
    return isSame(valueAt(this.saved.effective, edit.path) ?? valueAt(this.saved.own, edit.path), edit.value);
  }

  #change(edits) {
    this.#keep();
    this.#replace(edits);
  }

  #keep() {
    this.#done.push(this.edits);
    this.#done.splice(0, this.#done.length - MOST_STEPS);
    this.#undone = [];
  }

  #replace(edits) {
    this.edits = edits;
    this.#remember();
    if (edits.length) {
      if (this.saved) {
        let scene = this.saved.effective;
        for (const edit of edits) if (edit.kind === "set" && "value" in edit) scene = withValue(scene, edit.path, edit.value);
        this.scene = scene;
      }
      this.#tell("value");
      this.#ask();
    } else {
      this.#forgetQuestions();
      this.conflict = null;
      this.view = this.saved;
      this.scene = this.saved?.effective ?? null;
      this.wrong = [];
      this.#tell();
    }
  }

  /** Whatever was asked, or was about to be, is about other edits. */
  #forgetQuestions() {
    clearTimeout(this.#timer);
    this.#asked++;
    this.pricing = false;
  }

  #later() {
    this.#forgetQuestions();
    this.#timer = setTimeout(() => this.#ask(), PATIENCE);
    this.pricing = true;
  }

  /** Asks the server what the edits make of the scene, and what they cost. */
  async #ask() {
    clearTimeout(this.#timer);
    const turn = ++this.#asked;
    const edits = this.edits;
    if (!edits.length) return this.#replace([]);
    this.pricing = true;
    try {
      const { view, wrong } = await postJson("/api/scene", { scene: this.name, edits });
      if (turn !== this.#asked) return;
      this.wrong = wrong;
      if (view) {
        this.view = view;
        this.scene = view.effective;
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (turn !== this.#asked) return;
      this.wrong = [{ error: error.message, key: error.key }];
    }
    this.pricing = false;
    this.#tell();
  }

  #remember() {
    const key = `edits of ${this.name}`;
    if (this.edits.length) sessionStorage.setItem(key, writeJson({ version: this.saved?.version, edits: this.edits }));
    else sessionStorage.removeItem(key);
  }

  #recall() {
    try {
      return parseJson(sessionStorage.getItem(`edits of ${this.name}`));
    } catch {
      return null;
    }
  }

  /** Tells that something changed: all, or "value" alone, whose price is not known yet. */
  #tell(what = "all") {
    this.dispatchEvent(new CustomEvent("change", { detail: what }));
  }
}

export const session = new Session();
