"""Names of cities that in ordinary text are mostly something else: words, first and family names, teams, brands.

They count only in company: with a region or country behind them, or where the author lives there. Small cities need
company anyway, so that only names of large ones have to be here. Found by counting, in 90,000 public posts, which names
are mostly written small, and by reading what was located.
"""

from __future__ import annotations

MISLEADING = frozenset("""
    aba abha ado agri agro airport ajax ala alba alma almere alto aman america ana anda ande angel angeles angers anjo gonder 和田 anime
    antony arad aral aria ariel ash asia assis atar ate aurora avenida avila azul bahia baia ballia bambu banda bange
    banks banu bar bari barking basic basti bata bath batman bay baza beat begun bell bello bene benfica beni best bet
    bier bila bimbo blue bo boa boda bor bose bow bra branco brandon brava bravo bru brusque buga bush buy byron caba
    cabo cali came campi campo can cana canton carmen caro carson casa casas castro catalao central cerro chad chandler
    chapa charlotte chico chin chu ciego clay clovis college columbia commonwealth como compton concordia constant
    contra cork coro corona coronel costa cruz cuba dala dan dar dario data date david davis deal deli delta denis derby
    des dining dios dire dole don dora dos dover downey drama draper dual duma east ede eden edison eger ela elista elk
    elle enna ensenada enterprise ere erode esperanza este eta eureka evans ever fair fargo faro fatima federal feira
    felix fier fiesta fin flint flora flores florida fort franca franklin fresh frisco galaxy galle ganda gao gap garcia
    garden garland gary gaspar gaston gaya genes george georgia gera gilbert gloria god gol gold golden goma gomes
    gorgan grace grande guadalupe guia guna gus hadera haha hai hail hama hami hamm han handa hang hangu harlem harper
    harta hat helena heredia hilla hit hita hof hollywood holon home homo hook hope hub hue hull hums hurricane hurst
    hyde ife iga ii ijan ilesa imus ina independence isla ita italia itu iwo jackson jamaica jasper jena jerez jersey
    jesus jim jordan jos jose juan julia kaga kahn kala kale kali kama kami kani kano kari karma kash kashi katy kawa
    kaya kennedy kent khan khor kim kisi kobo kota kumi kuna la labe lae lages lajan lala lander lar las laurel laval
    lawrence leer lehi leme lens leo leon leona leones lewis liberal libertad liberty lima lime limo lincoln linden lion
    lions logan loja lomas lome lone long loni los luan luck lugo luna luz lynn lyons madison mae mage maia mala male
    mama man manage mandela mandi mango manning manos mansa manta manteca manu mara marcos maria mariano marica marin
    marina marino mary mascara mason mata matao mati maua medina meet mercedes merida meridian mesa mesquite metro mian
    midland mila mira miranda mission mobile modern moga moka mol mons montero montes mora morelos moreno moria morley
    moses most moto motown murray mus mut nama nana nancy napa nara natal navarro nelson nepal new newton nha nice nil
    nilo nis nit noble normal norman norte north nova nowa nuevo nur obama ocean oka olive orai oral orange orel oro
    oruro osh osman ota otto pace paco pala pali palm palmas palo pana panda para paradise paramount paras pare park
    parker parla pati patio patos pau paulista pedro pemba penha pensa perma perto pest pesto piano pico piedade piedra
    pila plato plaza police polo ponce pontos pori porter post poza prado praia prince pristine progreso providence puma
    punch punta queens quest raba rae rajah ram rama ramos rand rasa reading real rest reunion reus rey ribera
    richardson rio riva riverside rizal robert rock rodriguez romano romeo romo rosa rosario roses rota royal rubi rugby
    saga sagar sai saki sakura sala salam salamanca sale salem sali salida salt salto sama samar san sana sandy santa
    santana santiago santo santos sanya sara saran sari sasa saudi save say sea selam semi senda serang serra seto seven
    sexta shah shan sher side silang silva sing sion sirs slough sna soledad soma some sorriso sosa soul south sparks
    speedway split spring stadi stalin star stara sterling stockton sucre sues suess sumy sun sunrise superior sur
    surprise tabor taco tai taif tala tali tama tana tane tanga tango tank tanta tara tari tata tatu taxi taza tel tema
    temple tena terminus tete thai thane thornton tier tiger tigre tires tome tong tora tori torre toto tour tours
    toyota tracy trinidad troy tuna tunes turbo turkey tuy tyler tyre una union university uno urla usak ushi vale van
    vega velez venado vera vernon versailles vic vico victoria victory vidin viga vila villa vin vine vinh virginia
    vista vitoria wa waldo walker wan ware warren warwick waterloo wave wawa westside wolf wuhu yao yes young yuan yuma
    zama zion быть города дело мир мирный орел саки свободный اب ابها الرس الشروق العين المدينه النور امسك باب بركه بن
    تاني دوله ربك روم سور صور عين قم قوم كلن مدينه هوانا وان ชล ตรัง ตาก น่าน ระนอง สี เลย แพร่ 万年 东方 东海 中央 中山 五常 北方 南山
    南方 和平 大同 大安 大田 太平 安全 安定 平和 平安 新城 東方 永安 金山 金沙 長安 长安 高山
""".split())  # fmt: skip
