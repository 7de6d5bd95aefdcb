// Fisher's iris measurements (Fisher 1936, The use of multiple measurements in taxonomic problems), as scikit-learn's load_iris has them:
// 150 plants, 50 of each species in turn; sepal length, sepal width, petal length, petal width in tenths of a centimetre, a letter each (letters.ts), which
// gzip makes a quarter less of than of two digits each.
export const irisTenths =
  'UE0#S@0#QB/#PA1#TF0#XI3%PD0$TD1#N?0#SA1!XG1#RD2#R@0!M@-!]J.#[N1%XI/%UE0$[H3$UH1$XD3#UG1%PF,#UC3&RD5#T@2#TD2%VE1#VD0#QB2#' +
  'RA2#XD1%VK1!YL0#SA1#TB.#YE/#SF0!N@/#UD1#TE/$O9/$NB/#TE2(UH5%R@0$UH2#PB0#WG1#TC0#jBQ0dBO1iAS1Y9J/e>P1[>O/cCQ2S:C,f?P/V=I0' +
  'T6E,^@L1_8J,a?Q0Z?F/gAN0Z@O1]=K,b8O1Z;I-^BR4a>J/c;S1a>Q.d?M/f@N0h>R0g@T3_?O1[<E,Y:H-Y:G,]=I._=U2X@O1_DO2gAQ1c9N/Z@K/Y;J/' +
  'Y<N.a@P0]<J.T9C,Z=L/[@L.[?L/b?M/U;@-[>K/cC_;]=U5k@^7c?Z4e@]8p@f7S;O3m?c4g;]4lFa;eBU6d=W5h@Y7[;T6]>U:dBW9e@Y4qHg8q<i9_8T1' +
  'iB[9Z>S6q>g6c=S4gC[7lB_4b>R4a@S4d>Z7l@]2n>a5sHd6d>Z8c>U1a<Z0q@a9cDZ:dAY4_@R4iAX7gAZ:iAU9]=U5hB^9gC[;g@V9c;T5e@V6bDX9^@U4'
