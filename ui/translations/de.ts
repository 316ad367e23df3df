<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de_DE">
    <context>
        <name>Actions</name>
        <message>
            <source>Lock (mouse goes through)</source>
            <translation>Sperren (die Maus geht hindurch)</translation>
        </message>
        <message>
            <source>Reading mode</source>
            <translation>Lesemodus</translation>
        </message>
        <message>
            <source>Hide the band</source>
            <translation>Band ausblenden</translation>
        </message>
        <message>
            <source>Show delay and state</source>
            <translation>Verzögerung und Zustand zeigen</translation>
        </message>
        <message>
            <source>Translation and source</source>
            <translation>Übersetzung und Original</translation>
        </message>
        <message>
            <source>Translation only</source>
            <translation>Nur Übersetzung</translation>
        </message>
        <message>
            <source>Source only</source>
            <translation>Nur Original</translation>
        </message>
        <message>
            <source>Larger text</source>
            <translation>Größere Schrift</translation>
        </message>
        <message>
            <source>Smaller text</source>
            <translation>Kleinere Schrift</translation>
        </message>
        <message>
            <source>Times of each word …</source>
            <translation>Zeiten jedes Wortes …</translation>
        </message>
        <message>
            <source>History …</source>
            <translation>Verlauf …</translation>
        </message>
        <message>
            <source>Settings …</source>
            <translation>Einstellungen …</translation>
        </message>
        <message>
            <source>Quit</source>
            <translation>Beenden</translation>
        </message>
        <message>
            <source>Show</source>
            <translation>Zeigen</translation>
        </message>
    </context>
    <context>
        <name>Choices</name>
        <message>
            <source>What the computer plays ({device})</source>
            <translation>Was der Rechner spielt ({device})</translation>
        </message>
        <message>
            <source>Default microphone</source>
            <translation>Standardmikrofon</translation>
        </message>
        <message>
            <source>Eager: the first word counts</source>
            <translation>Eilig: das erste Wort gilt</translation>
        </message>
        <message>
            <source>Lively: early and restless</source>
            <translation>Lebhaft: früh und unruhig</translation>
        </message>
        <message>
            <source>Balanced</source>
            <translation>Ausgewogen</translation>
        </message>
        <message>
            <source>Steady: two words later</source>
            <translation>Ruhig: zwei Wörter später</translation>
        </message>
        <message>
            <source>Steadiest: four words later</source>
            <translation>Am ruhigsten: vier Wörter später</translation>
        </message>
        <message>
            <source>Words settle after {seconds:g} s</source>
            <translation>Wörter stehen nach {seconds:g} s fest</translation>
        </message>
        <message>
            <source>Still: no word is ever taken back</source>
            <translation>Still: kein Wort wird je zurückgenommen</translation>
        </message>
        <message>
            <source>Calm: {n} of 100 words are taken back at most</source>
            <translation>Sehr ruhig: höchstens {n} von 100 Wörtern werden zurückgenommen</translation>
        </message>
    </context>
    <context>
        <name>HistoryWindow</name>
        <message>
            <source>Sessions</source>
            <translation>Sitzungen</translation>
        </message>
        <message>
            <source>Time</source>
            <translation>Zeit</translation>
        </message>
        <message>
            <source>Said</source>
            <translation>Gesagt</translation>
        </message>
        <message>
            <source>Shown</source>
            <translation>Gezeigt</translation>
        </message>
        <message>
            <source>Captions</source>
            <translation>Untertitel</translation>
        </message>
        <message>
            <source>Search all sessions</source>
            <translation>In allen Sitzungen suchen</translation>
        </message>
        <message>
            <source>Search</source>
            <translation>Suche</translation>
        </message>
        <message>
            <source>&amp;Copy</source>
            <translation>&amp;Kopieren</translation>
        </message>
        <message>
            <source>Export {form} …</source>
            <translation>{form} exportieren …</translation>
        </message>
        <message>
            <source>Lines copied: {n}</source>
            <translation>Kopierte Zeilen: {n}</translation>
        </message>
        <message>
            <source>Choose a session first</source>
            <translation>Zuerst eine Sitzung wählen</translation>
        </message>
        <message>
            <source>Written: {path}</source>
            <translation>Geschrieben: {path}</translation>
        </message>
        <message>
            <source>Export</source>
            <translation>Exportieren</translation>
        </message>
        <message>
            <source>Nothing has been kept yet</source>
            <translation>Noch ist nichts aufgezeichnet</translation>
        </message>
        <message>
            <source>Captions: {n}</source>
            <translation>Untertitel: {n}</translation>
        </message>
        <message>
            <source>History</source>
            <translation>Verlauf</translation>
        </message>
    </context>
    <context>
        <name>HotkeyEdit</name>
        <message>
            <source>None</source>
            <translation>Keine</translation>
        </message>
        <message>
            <source>No key: {action}</source>
            <translation>Keine Taste: {action}</translation>
        </message>
    </context>
    <context>
        <name>Limits</name>
        <message>
            <source>No compositor runs on this X server, so the box is opaque; picom or the compositor of your desktop makes it translucent.</source>
            <translation>Auf diesem X-Server läuft kein Compositor, darum ist der Kasten undurchsichtig; picom oder der Compositor Ihrer Arbeitsumgebung macht ihn durchscheinend.</translation>
        </message>
        <message>
            <source>This is a Wayland session; the band runs through XWayland, because Wayland lets no window keep itself above others or remember its place. Global hotkeys work only while an X window has the keyboard.</source>
            <translation>Dies ist eine Wayland-Sitzung; das Band läuft über XWayland, denn unter Wayland darf sich kein Fenster selbst über anderen halten oder sich seinen Platz merken. Die globalen Tastenkürzel wirken nur, solange ein X-Fenster die Tastatur hat.</translation>
        </message>
        <message>
            <source>This is Wayland without XWayland: the compositor decides where the band stands and whether other windows cover it, and there are no global hotkeys. On GNOME and KDE a rule for the window “Dragoman” can keep it above.</source>
            <translation>Dies ist Wayland ohne XWayland: Der Compositor bestimmt, wo das Band steht und ob andere Fenster es verdecken, und es gibt keine globalen Tastenkürzel. Unter GNOME und KDE kann eine Regel für das Fenster „Dragoman“ es oben halten.</translation>
        </message>
        <message>
            <source>The overlay has not been tested on this system, and there are no global hotkeys here; the tray menu does everything.</source>
            <translation>Das Band ist auf diesem System nicht getestet, und es gibt hier keine globalen Tastenkürzel; das Menü im Benachrichtigungsfeld kann alles.</translation>
        </message>
        <message>
            <source>Other programs have these keys: {keys}.</source>
            <translation>Diese Tasten gehören anderen Programmen: {keys}.</translation>
        </message>
    </context>
    <context>
        <name>Overlay</name>
        <message>
            <source>Subtitles</source>
            <translation>Untertitel</translation>
        </message>
        <message>
            <source>Waiting for speech …</source>
            <translation>Warten auf Sprache …</translation>
        </message>
    </context>
    <context>
        <name>Readout</name>
        <message>
            <source>Loading the models …</source>
            <translation>Die Modelle werden geladen …</translation>
        </message>
        <message>
            <source>Connecting to the feed …</source>
            <translation>Verbindung wird aufgebaut …</translation>
        </message>
        <message>
            <source>Stopped</source>
            <translation>Angehalten</translation>
        </message>
        <message>
            <source>The sound device is gone; looking for it …</source>
            <translation>Das Tongerät ist weg; es wird gesucht …</translation>
        </message>
        <message>
            <source>The feed is gone; connecting again …</source>
            <translation>Die Verbindung ist weg; sie wird neu aufgebaut …</translation>
        </message>
        <message>
            <source>The session failed; starting again …</source>
            <translation>Die Sitzung ist gescheitert; sie beginnt neu …</translation>
        </message>
        <message>
            <source>{seconds:.1f} s</source>
            <translation>{seconds:.1f} s</translation>
        </message>
        <message>
            <source>NE {erasure:.2f}</source>
            <translation>NE {erasure:.2f}</translation>
        </message>
        <message>
            <source>keeping up</source>
            <translation>hält Schritt</translation>
        </message>
        <message>
            <source>stretched</source>
            <translation>im Rückstand</translation>
        </message>
        <message>
            <source>finals only</source>
            <translation>nur fertige Sätze</translation>
        </message>
        <message>
            <source>viewers: {n}</source>
            <translation>Zuschauer: {n}</translation>
        </message>
        <message>
            <source>This machine keeps up.</source>
            <translation>Dieser Rechner hält mit.</translation>
        </message>
        <message>
            <source>This machine does not keep up. A GPU, the translator FReTNA or fewer other programs help.</source>
            <translation>Dieser Rechner hält nicht mit. Eine GPU, der Übersetzer FReTNA oder weniger andere Programme helfen.</translation>
        </message>
        <message>
            <source>This machine does not keep up: only finished sentences come.</source>
            <translation>Dieser Rechner hält nicht mit: Nur fertige Sätze kommen.</translation>
        </message>
        <message>
            <source>A second of sound takes {work:.2f} s of work.</source>
            <translation>Eine Sekunde Ton braucht {work:.2f} s Arbeit.</translation>
        </message>
        <message>
            <source>Text comes {seconds:.1f} s after the words.</source>
            <translation>Der Text kommt {seconds:.1f} s nach den Worten.</translation>
        </message>
        <message>
            <source>As soon as something is said, it shows here whether this machine keeps up.</source>
            <translation>Sobald etwas gesagt wird, zeigt sich hier, ob dieser Rechner mithält.</translation>
        </message>
    </context>
    <context>
        <name>SessionMenu</name>
        <message>
            <source>Stop</source>
            <translation>Anhalten</translation>
        </message>
        <message>
            <source>Start</source>
            <translation>Starten</translation>
        </message>
        <message>
            <source>Listen to</source>
            <translation>Zuhören</translation>
        </message>
        <message>
            <source>Languages</source>
            <translation>Sprachen</translation>
        </message>
        <message>
            <source>Translator</source>
            <translation>Übersetzer</translation>
        </message>
        <message>
            <source>Steadiness</source>
            <translation>Ruhe</translation>
        </message>
    </context>
    <context>
        <name>SettingsWindow</name>
        <message>
            <source>&amp;Text</source>
            <translation>&amp;Text</translation>
        </message>
        <message>
            <source>&amp;Colours</source>
            <translation>&amp;Farben</translation>
        </message>
        <message>
            <source>&amp;Steadiness</source>
            <translation>&amp;Ruhe</translation>
        </message>
        <message>
            <source>&amp;Window</source>
            <translation>Fe&amp;nster</translation>
        </message>
        <message>
            <source>&amp;High contrast</source>
            <translation>&amp;Hoher Kontrast</translation>
        </message>
        <message>
            <source>&amp;Reset</source>
            <translation>&amp;Zurücksetzen</translation>
        </message>
        <message>
            <source>Show</source>
            <translation>Zeigen</translation>
        </message>
        <message>
            <source>Translation and source</source>
            <translation>Übersetzung und Original</translation>
        </message>
        <message>
            <source>Translation only</source>
            <translation>Nur Übersetzung</translation>
        </message>
        <message>
            <source>Source only</source>
            <translation>Nur Original</translation>
        </message>
        <message>
            <source>Font</source>
            <translation>Schrift</translation>
        </message>
        <message>
            <source>Size</source>
            <translation>Größe</translation>
        </message>
        <message>
            <source>Weight</source>
            <translation>Strichstärke</translation>
        </message>
        <message>
            <source>Size of the source text</source>
            <translation>Größe des Originals</translation>
        </message>
        <message>
            <source>Lines of translation</source>
            <translation>Zeilen der Übersetzung</translation>
        </message>
        <message>
            <source>Lines of source text</source>
            <translation>Zeilen des Originals</translation>
        </message>
        <message>
            <source>Width of the text</source>
            <translation>Breite des Textes</translation>
        </message>
        <message>
            <source>Text stands</source>
            <translation>Der Text steht</translation>
        </message>
        <message>
            <source>left</source>
            <translation>links</translation>
        </message>
        <message>
            <source>in the middle</source>
            <translation>in der Mitte</translation>
        </message>
        <message>
            <source>right</source>
            <translation>rechts</translation>
        </message>
        <message>
            <source>Translation</source>
            <translation>Übersetzung</translation>
        </message>
        <message>
            <source>Words that may change</source>
            <translation>Wörter, die sich noch ändern können</translation>
        </message>
        <message>
            <source>Source text</source>
            <translation>Original</translation>
        </message>
        <message>
            <source>Outline</source>
            <translation>Umriss</translation>
        </message>
        <message>
            <source>Width of the outline</source>
            <translation>Breite des Umrisses</translation>
        </message>
        <message>
            <source>Box</source>
            <translation>Kasten</translation>
        </message>
        <message>
            <source>Opacity of the box</source>
            <translation>Deckkraft des Kastens</translation>
        </message>
        <message>
            <source>Reading mode: show only what will not change</source>
            <translation>Lesemodus: nur zeigen, was sich nicht mehr ändert</translation>
        </message>
        <message>
            <source>Last text stays for</source>
            <translation>Der letzte Text bleibt</translation>
        </message>
        <message>
            <source>A line stays at least</source>
            <translation>Eine Zeile bleibt mindestens</translation>
        </message>
        <message>
            <source>Fading and sliding</source>
            <translation>Blenden und Gleiten</translation>
        </message>
        <message>
            <source>as the desktop says</source>
            <translation>wie die Arbeitsumgebung</translation>
        </message>
        <message>
            <source>on</source>
            <translation>ein</translation>
        </message>
        <message>
            <source>off</source>
            <translation>aus</translation>
        </message>
        <message>
            <source>Show delay and state</source>
            <translation>Verzögerung und Zustand zeigen</translation>
        </message>
        <message>
            <source>Lock: the mouse goes through</source>
            <translation>Sperren: die Maus geht hindurch</translation>
        </message>
        <message>
            <source>Width on the screen</source>
            <translation>Breite auf dem Bildschirm</translation>
        </message>
        <message>
            <source>This is what was said,</source>
            <translation>Das wurde gesagt,</translation>
        </message>
        <message>
            <source>and this may</source>
            <translation>und dies vielleicht</translation>
        </message>
        <message>
            <source>Committed words stay as they are,</source>
            <translation>Feste Wörter bleiben, wie sie sind,</translation>
        </message>
        <message>
            <source>these may still change</source>
            <translation>diese ändern sich vielleicht</translation>
        </message>
        <message>
            <source>&amp;Keys</source>
            <translation>Ta&amp;sten</translation>
        </message>
        <message>
            <source>Margins</source>
            <translation>Ränder</translation>
        </message>
        <message>
            <source>Steadiness</source>
            <translation>Ruhe</translation>
        </message>
        <message>
            <source>These keys work whatever window has the keyboard.</source>
            <translation>Diese Tasten wirken, gleich welches Fenster die Tastatur hat.</translation>
        </message>
        <message>
            <source>This platform lets no program have keys of its own everywhere.</source>
            <translation>Dieses System überlässt keinem Programm Tasten, die überall wirken.</translation>
        </message>
        <message>
            <source>Lock and unlock</source>
            <translation>Sperren und entsperren</translation>
        </message>
        <message>
            <source>Hide and show</source>
            <translation>Ausblenden und zeigen</translation>
        </message>
        <message>
            <source>Reading mode</source>
            <translation>Lesemodus</translation>
        </message>
        <message>
            <source>Start and stop</source>
            <translation>Starten und anhalten</translation>
        </message>
        <message>
            <source>Settings</source>
            <translation>Einstellungen</translation>
        </message>
    </context>
    <context>
        <name>SourceWindow</name>
        <message>
            <source>Listen to</source>
            <translation>Zuhören</translation>
        </message>
        <message>
            <source>Level</source>
            <translation>Pegel</translation>
        </message>
        <message>
            <source>&amp;Start</source>
            <translation>&amp;Starten</translation>
        </message>
        <message>
            <source>Looking for microphones …</source>
            <translation>Mikrofone werden gesucht …</translation>
        </message>
        <message>
            <source>&amp;Later</source>
            <translation>S&amp;päter</translation>
        </message>
        <message>
            <source>Choose a microphone, or what this computer plays, and speak or play sound: the bar moves with what is heard.</source>
            <translation>Wählen Sie ein Mikrofon oder das, was dieser Rechner abspielt, und sprechen Sie oder spielen Sie etwas ab: Der Balken zeigt, was gehört wird.</translation>
        </message>
        <message>
            <source>No microphone was found. Plug one in: it appears here by itself.</source>
            <translation>Es wurde kein Mikrofon gefunden. Schließen Sie eines an: Es erscheint hier von selbst.</translation>
        </message>
        <message>
            <source>What should be translated?</source>
            <translation>Was soll übersetzt werden?</translation>
        </message>
    </context>
    <context>
        <name>SteadinessField</name>
        <message>
            <source>At most so many words taken back</source>
            <translation>Höchstens so viele Wörter zurücknehmen</translation>
        </message>
        <message>
            <source>Words settle after this time</source>
            <translation>Wörter stehen nach dieser Zeit fest</translation>
        </message>
        <message>
            <source>How steady</source>
            <translation>Wie ruhig</translation>
        </message>
    </context>
    <context>
        <name>TimingsWindow</name>
        <message>
            <source>Times of each word</source>
            <translation>Zeiten jedes Wortes</translation>
        </message>
        <message>
            <source>Word</source>
            <translation>Wort</translation>
        </message>
        <message>
            <source>Spoken at</source>
            <translation>Gesagt bei</translation>
        </message>
        <message>
            <source>Recognised</source>
            <translation>Erkannt</translation>
        </message>
        <message>
            <source>Translated</source>
            <translation>Übersetzt</translation>
        </message>
        <message>
            <source>Painted</source>
            <translation>Gezeigt</translation>
        </message>
        <message>
            <source>Seconds after the word was spoken, since when it has stood as it stays. Which spoken word a translated one stands for is an estimate by its place.</source>
            <translation>Sekunden nach dem gesagten Wort, seit denen es so steht, wie es bleibt. Für welches gesagte Wort ein übersetztes steht, ist nach seinem Platz geschätzt.</translation>
        </message>
    </context>
</TS>
