"""Words that say nothing about what a text is about, by language; they are left out of word clouds.

Our own short lists. Of scripts without spaces they hold what a segmenter leaves as words of their own.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from lapwing.text.fold import fold

_SPOKEN = {
    "en": """a about after again all also always am an and any are around as at back be because been before being but by came
        can cant come could couldn day did didn do does doesn doing don done dont down each even ever every few first for from
        get gets getting go goes going gone gonna good got gotta had has hasn have haven having he her here hers him his how i
        if im in into is isn it its ive just keep know last let like ll lol look m make many may maybe me might mine more most
        much must my need never new no not now of off ok oh on one only or other our ours out over own people please put re
        really right rt s said same say says see seen she should shouldn since so some still such sure t take tell than thank
        thanks that thats the their them then there these they thing things think this those though through time to today
        too took two u under until up ur us use used ve very via wanna want wants was wasn way we well were weren what whats
        when where which while who whom whose why will with won would wouldn x yeah year years yes yet you your yours youre
        d y w b n r amp gt lt wont isnt arent wasnt werent didnt doesnt couldnt shouldnt wouldnt hasnt havent hadnt youve youll
        youd ill theyre theyve weve hes shes lets theres heres whos oh ok okay hey hi via""",
    "es": """a ahora al algo alguien algun alguna algunos ante antes aqui asi aun aunque bien bueno cada casi como con contra
        cual cuando cuanto de del desde donde dos e el ella ellas ellos en entonces entre era eran eres es esa esas ese eso
        esos esta estaba estan estar estas este esto estos estoy fue fueron gracias ha haber habia hace hacer han hasta hay he
        hola hoy la las le les lo los mas me mejor mi mia mientras mio mis mucho muchos muy nada ni no nos nosotros nuestra
        nuestro nunca o os otra otro otros para pero poco por porque pues que quien quiero se sea ser si siempre sido sin
        sobre solo somos son soy su sus tal tambien tan tanto te tener tengo ti tiene tienen toda todas todavia todo todos tu
        tus un una unas uno unos usted va vamos van ver vez voy y ya yo""",
    "pt": """a agora ai ainda alguem algum alguma ao aos aqui aquela aquele as assim ate bem bom cada coisa com como da das de
        dela dele deles demais depois desde dia do dos e ela elas ele eles em entao entre era essa esse esta estao estar estava
        este estou eu faz fazer foi foram gente ha hoje isso isto ja la lhe mais mas me mesmo meu meus minha minhas muito muita
        muitos na nada nao nas nem nessa nesse nesta neste no nos nossa nosso num numa nunca o obrigado os ou outra outro para
        pela pelo pelos por porque pq pra pro qual quando que quem quero sao se seja sem sempre ser seu seus so sobre sou sua
        suas ta tambem tao te tem tenho ter teu tinha to toda todas todo todos tudo tu um uma umas uns vai vamos vao vc voce
        voces vou""",
    "fr": """a ai alors apres as au aujourd aussi autre aux avant avec avez avoir avons bien bon c ca car ce ceci cela celle
        celui ces cest cet cette ceux chez comme comment d dans de deja depuis des deux dire dit dois donc du elle elles en
        encore entre es est et etait etaient ete etes etre eu eux fait faire faut fois hui ici il ils j jamais je jour juste l
        la le les leur leurs lui m ma mais me meme merci mes moi moins mon n ne ni non nos notre nous on ont ou ouais oui par
        parce pas peu peut peux plus pour pourquoi puis qu quand que quel quelle qui quoi rien s sa sans se sera ses si son
        sont sous suis sur t ta te tes toi ton toujours tous tout toute toutes tres trop tu un une va vais vas vers veux voir
        vos votre vous vraiment y""",
    "de": """ab aber alle allem allen alles als also am an andere auch auf aus bei bin bis bist bitte da dabei damit dann das
        dass dein deine dem den denn der des dich die dies diese diesem diesen dieser dieses dir doch dort du durch ein eine
        einem einen einer eines einfach er es etwas euch euer fur ganz gar gegen geht gerade gibt gut hab habe haben hallo hat
        hatte hatten hier hin ich ihm ihn ihnen ihr ihre ihren im immer in ist ja jede jeder jetzt kann kein keine keinen kommt
        konnen konnte mal man mehr mein meine meinem meinen meiner mich mir mit muss nach nein nicht nichts nie noch nun nur
        ob oder ohne schon sehr sein seine seit sich sie sind so soll sollte sondern uber um und uns unser unter viel vom von
        vor wann war waren warum was weg weil weiter wenn wer werden wie wieder will wir wird wo wurde wurden zu zum zur zwei""",
    "it": """a ad adesso agli ai al alla alle allo anche ancora anni aveva avere c che chi ci come con contro cosa cosi cui d da
        dal dalla dalle dei del della delle dello dentro di dopo dove due e ecco ed era erano essere fa fare fino fra gia gli
        grazie ha hai hanno ho i il in io l la le lei lo loro lui ma mai me meno mi mia mie mio molto ne negli nei nel nella
        nelle niente no noi non nostra nostro o oggi ogni ora per perche pero piu poco poi prima proprio qua quando quanto
        quella quelle quelli quello questa queste questi questo qui quindi sara se sei sempre senza si sia siamo solo sono
        sopra sta stai stata stato sto su sua sue sui sul sulla suo te ti tra tu tua tue tuo tutta tutte tutti tutto un una
        uno va vi voi""",
    "id": """ada adalah agar aja akan aku anda apa apakah atau atas bagi bahwa banget banyak baru begitu belum biar bila bisa
        buat bukan cuma dan dapat dari dengan dia di dong dulu enggak ga gak gitu gue gw hanya hari harus ini itu iya jadi
        jangan jika juga kalau kali kalo kamu kami kan karena kata ke kenapa ketika kita kok kak ku lagi lah lain lalu lebih lu
        lo mana masih mau memang mereka mu nah namun nanti nih nya oleh orang pada paling para pas pernah pun punya saat saja
        sama sambil sampai sangat satu saya se sebagai sebelum secara sedang sekali sekarang selalu semua seperti serta
        setelah siapa sih suatu sudah supaya tak tapi telah tentang terus tetap tetapi tidak tuh udah untuk ya yang yg""",
    "tl": """ako akin ako ako ako ang ano at ay ba bakit ba daw din dito ito iyan iyon ka kami kanila kanya kasi kay kayo ko
        kung lahat lang mga mo mong muna na naman namin nang ng nga ngayon ni nila nito niya nyo pa para pero po rin sa saan
        sana si sila sino siya sya tayo talaga tapos yan yung yun wala walang may mag mas hindi di eh oo""",
    "tr": """acaba ama artik aslinda az bana bazi belki ben benden beni benim bile bir biraz biri biz bize bizim bu buna bunu
        cok cunku da daha de degil diye dolayi en eger evet gibi gore hem hep hepsi her hic icin ile ise iste kadar ki kim
        kimse m mi mu nasil ne neden nerede niye o olan olarak oldu oldugu olsun olur on ona onlar onu onun sadece sanki sen
        senin seni sey siz sizin sonra su tum var ve veya ya yani yok zaten bugun simdi""",
    "nl": """aan al alles als altijd ben bij dan dat de der deze die dit doch doen door dus een en er ge geen goed had haar heb
        hebben heeft hem het hier hij hoe hun ik in is ja je jij jullie kan kunnen maar me meer men met mij mijn moet na naar
        niet niets nog nu of om omdat ook op over te tegen toch toen tot uit uw van veel voor waar want waren was wat we wel
        werd wie wij wil worden wordt zal ze zeer zich zij zijn zo zou""",
    "ru": """а без более бы был была были было быть в вам вас весь во вот все всегда всего всех вы где да даже для до его ее ей
        если есть еще же за здесь и из или им их к как какая какой когда кто ли лучше меня мне много может можно мой моя мы на
        надо нам нас не него нее нет ни них но ну о об он она они оно от очень по под после потом потому почему при про просто
        раз с сам себя сегодня сейчас со так также такой там тебе тебя теперь то тоже того только том тот ты у уже хорошо хоть
        чего чем что чтобы эта эти это этого этой этом этот я""",
    "ar": """في من على الى عن مع هذا هذه ذلك تلك التي الذي الذين ما ماذا لا لم لن ليس هل كان كانت كل كما قد لقد ان انا انت نحن هو
        هي هم او ثم حتى اذا لو لان لكن بعد قبل بين عند عندما حيث كيف متى اين بل غير فقط ايضا يا اي به بها له لها لهم لي لك
        فيه فيها منه منها عليه عليها اليوم الان جدا و هناك هنا يكون تكون احد شي شيء مثل كذا وهو وهي ولا وما بدون تم يوم اللي
        مو ال علي عليك انه انها والله""",
    "hi": """का की के को में से है हैं था थी थे और या पर यह वह ये वे इस उस एक ने भी तो ही कि जो कर करना करने किया गया गई गए हो होता होती
        होते होने हुआ हुई हुए अब तक जब तब कब कहा क्या क्यों कैसे कौन कोई कुछ मैं मेरा मेरी मेरे हम हमारा हमारी हमारे तुम आप आपका आपकी
        आपके उन उनका उनकी उनके अपना अपनी अपने नहीं न ना मत साथ लिए बहुत सब सभी दो रहा रही रहे दिया लेकिन मगर अगर बाद पहले फिर
        जी वाले वाला वाली जैसे इन आज""",
    "ko": """이 그 저 것 수 등 및 또 더 안 못 잘 다 왜 좀 나 너 우리 내 네 제 난 넌 이거 그거 저거 여기 거기 저기 지금 오늘 너무 정말 진짜 그냥 그리고
        그런데 근데 하지만 그래서 그러나 있다 없다 하다 있는 없는 하는 한 할 해 된 되는 있습니다 합니다 입니다 때 때문에 위해 대한 아주 매우
        많이 많은 모두 모든 같은 다시 아직 이제 어떤 무슨 누가 뭐 는 은 을 를 에 의 가 도 와 과 로 으로""",
    "ja": """これ それ あれ この その あの ここ そこ あそこ こと もの ため よう さん ちゃん 私 僕 俺 私たち 自分 今 今日 昨日 明日 時 人 何 とても
        もう まだ また でも しかし そして から まで です ます した する して いる ある なる ない いい みんな どこ いつ だれ なぜ どう 本当 的 中 方 日
        後 前 さっき ちょっと すごく すごい やっと たくさん ぜひ みたい
        ござい ください ありがとう しまし させ られ れる 見 出 行 来 言 思 大きな 小さな ながら""",
    "zh": """的 了 是 在 我 你 您 他 她 它 我们 你们 他们 我們 你們 他們 这 那 这个 那个 這 這個 那個 有 没有 沒有 不 也 都 就 还 還 很 太 会 會
        能 可以 要 想 和 与 與 跟 但 但是 因为 因為 所以 如果 一个 一個 一 上 下 中 里 裡 来 來 去 到 说 說 对 對 为 為 被 把 让 讓 给 給 从 從 什么 什麼
        怎么 怎麼 吗 嗎 呢 吧 啊 今天 现在 現在 时候 時候 自己 大家 真的 非常 已经 已經 又 再 只 才 最 更 请 請""",
    "th": """ที่ และ ใน ของ เป็น มี ได้ ไม่ ให้ จะ ว่า กับ จาก ไป มา แล้ว ก็ นี้ นั้น อยู่ คือ แต่ หรือ เพราะ ถ้า เมื่อ โดย ซึ่ง อีก ยัง ด้วย
        กัน เลย มาก ๆ ต้อง เรา ฉัน ผม คุณ เขา เธอ มัน ครับ ค่ะ คะ นะ นะคะ จ้า ทำ เอา อะไร ทำไม ใคร ไหน วันนี้ ตอนนี้ การ ความ คน
        ขึ้น ลง ออก เข้า กว่า ทุก หลาย บาง แบบ ตาม ถึง ต่อ ใช่ เคย กำลัง""",
}  # fmt: skip


@cache
def stop_words() -> pl.DataFrame:
    """Every stop word as it is folded: lang (two letters) and word, both String."""
    spoken = pl.DataFrame({"lang": list(_SPOKEN), "word": [words.split() for words in _SPOKEN.values()]}).explode(
        "word"
    )
    return spoken.with_columns(fold(spoken["word"]).alias("word")).unique(maintain_order=True)
